//! The contribution of a decided call to coverage, shadow policies included.

use std::collections::BTreeSet;

use super::decided::Decided;
use super::reachable::Coverage;
use crate::bundle::Mode;
use crate::decide::CedarRequest;
use crate::gate::Gate;
use crate::identity::Identity;
use crate::reason::Reason;
use crate::record::Record;

/// The contribution of a call to a known tool.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) tool: String,
    /// Whether policies permitted it.
    pub(super) permitted: bool,
    /// Whether policies refused it.
    pub(super) refused: bool,
    /// The determining policies; those in shadow determine the decision with shadow policies
    /// enforced.
    pub(super) determining: BTreeSet<String>,
    /// The labels of its result, if it was permitted.
    pub(super) labels: Vec<Decided>,
}

impl Shown {
    /// The contribution with that of the labels, from the question to which policies permitted it.
    #[must_use]
    pub(super) fn with_labels(
        self,
        coverage: &Coverage,
        gate: &Gate,
        (identity, question, agents): (&Identity, &CedarRequest, &[CedarRequest]),
    ) -> Self {
        if !self.permitted {
            return self;
        }
        let labels = coverage.decided(gate, identity, &self.tool, (question, agents));
        Self { labels, ..self }
    }
}

impl Coverage {
    /// The contribution of a record to this tool, if the bundle has it.
    pub(super) fn shown(&self, record: &Record, tool: Option<&str>) -> Option<Shown> {
        let tool = tool.filter(|tool| self.tools.contains_key(*tool))?.to_owned();
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
        let approving = record.approval.iter().flat_map(|approval| approval.policies.clone());
        let reason = said(record);
        Some(Shown {
            tool,
            permitted: reason == Reason::Permitted,
            refused: matches!(
                reason,
                Reason::Forbidden | Reason::NotPermitted | Reason::ApprovalRequired
            ),
            determining: determining.flatten().chain(approving).collect(),
            labels: Vec::new(),
        })
    }

    fn is_in_shadow(&self, policy: &str) -> bool {
        self.policies.get(policy).is_some_and(|policy| policy.in_shadow)
    }
}

/// The reason, or for a bundle in shadow mode the reason of the shadow decision.
pub(super) fn said(record: &Record) -> Reason {
    match (&record.shadow, record.mode) {
        (Some(opinion), Mode::Shadow) => opinion.reason,
        (_, Mode::Enforce | Mode::Shadow) => record.reason,
    }
}

/// Whether the policies recorded with a reason determined it.
fn is_determined(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Permitted
            | Reason::Forbidden
            | Reason::ApprovalRequired
            | Reason::ApproverNotPermitted
    )
}
