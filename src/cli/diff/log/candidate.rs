//! Reports the recorded decisions of the candidate bundle and of shadow policies. Nothing is
//! decided again.

use super::groups::{Case, What};
use crate::cli::log::{OpinionField, Recorded, reason_of};
use crate::reason::{Decision, Reason};

/// The differences to report for a record; `None` if it has no candidate or shadow decision.
pub(super) fn cases(recorded: &Recorded) -> Option<Vec<Case>> {
    let candidate = recorded.candidate.as_ref().map(|candidate| {
        let bundle = &candidate.bundle;
        let by = format!("candidate {}@{} {}", bundle.name, bundle.version, bundle.digest);
        (by, &candidate.opinion)
    });
    let shadow = recorded.shadow.as_ref().map(|opinion| ("shadow".to_owned(), opinion));
    if candidate.is_none() && shadow.is_none() {
        return None;
    }
    let opinions = candidate.into_iter().chain(shadow);
    Some(opinions.filter_map(|(by, opinion)| case(recorded, by, opinion)).collect())
}

fn case(recorded: &Recorded, by: String, opinion: &OpinionField) -> Option<Case> {
    let from = recorded.decision();
    let Some(to) = reason_of(&opinion.reason).map(Reason::decision) else {
        let why = format!("the record has the unknown reason `{}`", opinion.reason);
        return Some(Case { by: Some(by), ..Case::new(What::Undecided, why) });
    };
    let what = match (from, to) {
        (from, to) if from == to => return None,
        (_, Decision::Permit) => What::Permitted,
        (Decision::Permit, _) => What::Refused,
        (_, Decision::Deny | Decision::Silence | Decision::Escalate) => What::RefusedOtherwise,
    };
    // If a policy no longer matches, name the policies of the decision that it determined.
    let policies = if opinion.policies.is_empty()
        || what == What::Permitted && !recorded.policies.is_empty()
    {
        recorded.policies.clone()
    } else {
        opinion.policies.clone()
    };
    let why = format!("{} → {}", recorded.reason, opinion.reason);
    Some(Case { by: Some(by), policies, decisions: Some((from, to)), ..Case::new(what, why) })
}
