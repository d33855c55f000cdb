//! Suggests cases for missing goals: calls tools as the identities of the test files with arguments
//! generated from the tool's types, and prints the successful calls as YAML for a test file.

use std::collections::BTreeMap;

use super::labels::ResultLabel;
use super::measure::Goal;
use super::reachable::Coverage;
use crate::bundle::Channel;
use crate::cli::input::cases::Suite;
use crate::gate::Gate;
use crate::reason::Reason;
use cedar_policy::Effect;

mod calls;
mod people;
mod trial;
mod written;

pub use calls::{Calls, Request};

use trial::{Expected, Trial};
use written::written;

/// A suggested case.
#[derive(Debug)]
pub struct Suggestion {
    /// The goal that it would reach.
    pub goal: Goal,
    /// The file with its identity.
    pub file: Option<String>,
    /// The case as YAML for a test file.
    pub text: String,
    /// Whether it was tried: the bundle currently gives the outcome that the case expects.
    pub tried: bool,
}

/// One case for each missing goal that no other suggested case reaches.
pub fn suggest(
    gate: &Gate,
    channels: &[Channel],
    suite: &Suite,
    coverage: &Coverage,
    goals: &[Goal],
) -> Vec<Suggestion> {
    let people = people::all(suite);
    let mut trials: BTreeMap<&str, Vec<Trial>> = BTreeMap::new();
    for tool in goals.iter().flat_map(Goal::tools) {
        trials
            .entry(tool)
            .or_insert_with(|| trial::all(gate, channels, suite, coverage, &people, tool));
    }
    let mut chosen: Vec<&Trial> = Vec::new();
    let mut suggestions = Vec::new();
    for goal in goals {
        if chosen.iter().any(|trial| goal.is_reached_by(trial)) {
            continue;
        }
        let mut candidates = goal.tools().into_iter().flat_map(|tool| {
            trials.get(tool).into_iter().flatten().map(move |trial| (tool, trial))
        });
        let found = candidates.clone().find(|(_, trial)| goal.is_reached_by(trial));
        chosen.extend(found.map(|(_, trial)| trial));
        let trial = found.or_else(|| candidates.next());
        let Some((tool, trial)) = trial else { continue };
        let person = trial.person.and_then(|person| people.get(person));
        let expect = match found {
            Some((_, trial)) => trial.expected(gate, &people),
            None => goal.expected(coverage),
        };
        suggestions.push(Suggestion {
            goal: goal.clone(),
            file: person.map(|person| person.file.clone()),
            text: written(&goal.title(tool, coverage), person, &trial.call, &expect),
            tried: found.is_some(),
        });
    }
    suggestions
}

impl Goal {
    /// The tools that a case for the goal could call.
    fn tools(&self) -> Vec<&str> {
        match self {
            Self::Permitted(tool) | Self::Refused(tool) => vec![tool],
            Self::Determined { tools, .. } | Self::Exceeded { tools, .. } => {
                tools.iter().map(String::as_str).collect()
            }
            Self::Revealed(label) | Self::Withheld(label) => vec![&label.tool],
            Self::DeterminedLabel { labels, .. } => {
                let mut tools: Vec<&str> = labels.iter().map(|label| &*label.tool).collect();
                // Labels are sorted by tool.
                tools.dedup();
                tools
            }
        }
    }

    fn is_reached_by(&self, trial: &Trial) -> bool {
        let shown = trial.shown.as_ref().filter(|shown| self.tools().contains(&&*shown.tool));
        shown.is_some_and(|shown| match self {
            Self::Permitted(_) => shown.permitted,
            Self::Refused(_) => shown.refused,
            Self::Determined { policy, .. } => shown.determining.contains(policy),
            // It needs calls before it.
            Self::Exceeded { .. } => false,
            Self::Revealed(label) => {
                shown.labels.iter().any(|it| it.label == *label && it.is_revealed)
            }
            Self::Withheld(label) => {
                shown.labels.iter().any(|it| it.label == *label && !it.is_revealed)
            }
            Self::DeterminedLabel { policy, labels } => shown
                .labels
                .iter()
                .any(|it| labels.contains(&it.label) && it.determining.contains(policy)),
        })
    }

    /// The outcome that the author probably wants, if no tried call reached the goal.
    fn expected(&self, coverage: &Coverage) -> Expected {
        let (reason, policies) = match self {
            Self::Permitted(tool) => (Reason::Permitted, coverage.permits_of(tool)),
            Self::Refused(_) => (Reason::NotPermitted, Vec::new()),
            Self::Exceeded { .. } => (Reason::BudgetExceeded, Vec::new()),
            Self::Determined { policy, .. } if coverage.forbids(policy) => {
                (Reason::Forbidden, vec![policy.clone()])
            }
            Self::Determined { policy, .. } => (Reason::Permitted, vec![policy.clone()]),
            // Labels are decided for permitted calls only.
            Self::Revealed(ResultLabel { tool, .. }) | Self::Withheld(ResultLabel { tool, .. }) => {
                (Reason::Permitted, coverage.permits_of(tool))
            }
            Self::DeterminedLabel { labels, .. } => {
                let tool = labels.first().map(|label| &*label.tool).unwrap_or_default();
                (Reason::Permitted, coverage.permits_of(tool))
            }
        };
        Expected { reason, policies, shadow: None, result: None }
    }

    fn title(&self, tool: &str, coverage: &Coverage) -> String {
        match self {
            Self::Permitted(_) => format!("{tool} is permitted"),
            Self::Refused(_) => format!("{tool} is refused"),
            Self::Exceeded { budget, .. } => format!("{tool} exceeds {budget}"),
            Self::Determined { policy, .. } if coverage.forbids(policy) => {
                format!("{policy} forbids {tool}")
            }
            Self::Determined { policy, .. } => format!("{policy} permits {tool}"),
            Self::Revealed(ResultLabel { label, .. }) => format!("{label} of {tool} is revealed"),
            Self::Withheld(ResultLabel { label, .. }) => format!("{label} of {tool} is withheld"),
            Self::DeterminedLabel { policy, labels } => {
                let label = labels.iter().find(|it| it.tool == tool);
                let label = label.map(|it| &*it.label).unwrap_or_default();
                let verb = if coverage.forbids(policy) { "withholds" } else { "reveals" };
                format!("{policy} {verb} {label} of {tool}")
            }
        }
    }
}

impl Coverage {
    fn forbids(&self, policy: &str) -> bool {
        self.policies.get(policy).is_some_and(|policy| policy.effect == Effect::Forbid)
    }
}
