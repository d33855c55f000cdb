//! What one decided call contributes to coverage, policies in shadow included.

use std::collections::BTreeSet;

use super::reachable::Coverage;
use crate::bundle::Mode;
use crate::reason::Reason;
use crate::record::Record;

/// What a call of a known tool shows.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) tool: String,
    /// Policies permitted it.
    pub(super) permitted: bool,
    /// Policies refused it.
    pub(super) refused: bool,
    /// The policies that determined that; those in shadow, what would have come of it with them.
    pub(super) determining: BTreeSet<String>,
}

impl Coverage {
    /// What a record shows, if it is about a tool that the bundle knows.
    pub(super) fn shown(&self, record: &Record) -> Option<Shown> {
        let tool = record.tool.as_deref().filter(|tool| self.tools.contains_key(*tool))?.to_owned();
        let shadow = record.shadow.as_ref();
        let opinions = [
            (false, Some((record.reason, &record.policies))),
            (true, shadow.map(|opinion| (opinion.reason, &opinion.policies))),
        ];
        let determining = opinions.into_iter().filter_map(|(in_shadow, opinion)| {
            let (_, policies) = opinion.filter(|(reason, _)| is_determined(*reason))?;
            let of_kind = policies.iter().filter(move |id| self.is_in_shadow(id) == in_shadow);
            Some(of_kind.cloned().collect::<Vec<_>>())
        });
        let reason = said(record);
        Some(Shown {
            tool,
            permitted: reason == Reason::Permitted,
            refused: matches!(reason, Reason::Forbidden | Reason::NotPermitted),
            determining: determining.flatten().collect(),
        })
    }

    fn is_in_shadow(&self, policy: &str) -> bool {
        self.policies.get(policy).is_some_and(|policy| policy.in_shadow)
    }
}

/// What was decided, or would have been by a bundle that only watches.
pub(super) fn said(record: &Record) -> Reason {
    match (&record.shadow, record.mode) {
        (Some(opinion), Mode::Shadow) => opinion.reason,
        (_, Mode::Enforce | Mode::Shadow) => record.reason,
    }
}

/// Whether policies that are named with a reason are those that came to it.
fn is_determined(reason: Reason) -> bool {
    matches!(reason, Reason::Permitted | Reason::Forbidden)
}
