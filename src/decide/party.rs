//! The parties of a call. With `identity.mode: intersection`, each needs the right by itself: the
//! principal, and every agent of the delegation.

use super::{Denial, Question};

/// Decides a question for each of its parties; the first denial holds. Without agents, there is one
/// party.
pub(super) fn of_all<T>(
    question: &Question<'_>,
    decide: impl Fn(&Question<'_>) -> Result<T, Denial>,
    and: impl Fn(T, T) -> T,
) -> Result<T, Denial> {
    let mut agents = question.of_agents().peekable();
    if agents.peek().is_none() {
        return decide(question);
    }
    let own =
        |party: &Question<'_>| decide(party).map_err(|denial| denial.of_party(&party.party()));
    let mut all = own(question);
    for agent in agents {
        all = match (all, own(&agent)) {
            (Ok(all), Ok(more)) => Ok(and(all, more)),
            (Err(denial), Err(other)) if denial.escalation().is_some() => {
                let both = other.escalation().is_some();
                // Another party can be refused whatever a person says.
                Err(if both { denial.and_escalated(&other) } else { other })
            }
            (Err(denial), _) | (_, Err(denial)) => Err(denial),
        };
    }
    all
}

/// Whether something holds for each of the parties of a question.
pub(super) fn hold(question: &Question<'_>, holds: impl Fn(&Question<'_>) -> bool) -> bool {
    holds(question) && question.of_agents().all(|agent| holds(&agent))
}
