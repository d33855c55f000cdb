//! What policies say about the labels of a permitted call. Records have the labels, but not the policies.

use std::collections::BTreeSet;

use cedar_policy::{Authorizer, EntityUid, PolicySet, Request};

use super::halves::Halves;
use super::labels::ResultLabel;
use super::reachable::Coverage;
use crate::decide::CedarRequest;
use crate::gate::Gate;
use crate::identity::Identity;

/// What policies say about a label of one permitted call.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) label: ResultLabel,
    pub(super) is_revealed: bool,
    /// The policies that determine it.
    pub(super) determining: BTreeSet<String>,
    /// The policies that match, independently of all others.
    pub(super) matching: BTreeSet<String>,
}

impl Coverage {
    /// What policies say about the labels of a permitted call of this tool.
    pub(super) fn decided(
        &self,
        gate: &Gate,
        identity: &Identity,
        tool: &str,
        (question, agents): (&CedarRequest, &[CedarRequest]),
    ) -> Vec<Decided> {
        let tool = gate.bundle.actions().find(|known| known.qualified_name() == tool);
        let layers = || {
            let layers = gate.bundle.layers.of(identity);
            layers.filter_map(|layer| self.revealing.get(&layer.name))
        };
        let labels = tool.iter().flat_map(|tool| tool.labels().iter().map(move |it| (tool, it)));
        let decided = labels.filter_map(|(tool, label)| {
            let mut answers = Vec::new();
            for party in std::iter::once(question).chain(agents) {
                let request = about(party.request(), &label.action)?;
                answers.extend(layers().map(|halves| Answer::of(halves, &request, party)));
            }
            Some(decided(ResultLabel::new(tool, label), &answers))
        });
        decided.collect()
    }
}

/// The same request about another action.
fn about(request: &Request, action: &EntityUid) -> Option<Request> {
    let (principal, resource) = (request.principal()?.clone(), request.resource()?.clone());
    Request::new(principal, action.clone(), resource, request.context()?.clone(), None).ok()
}

/// What the policies of a layer say about a label.
struct Answer {
    permits: BTreeSet<String>,
    forbids: BTreeSet<String>,
    has_failed: bool,
}

impl Answer {
    fn of(halves: &Halves, request: &Request, question: &CedarRequest) -> Self {
        let mut has_failed = false;
        let mut matching = |half: &PolicySet| -> BTreeSet<String> {
            let answer = Authorizer::new().is_authorized(request, half, question.entities());
            has_failed |= answer.diagnostics().errors().next().is_some();
            answer.diagnostics().reason().map(ToString::to_string).collect()
        };
        let (permits, forbids) = (matching(&halves.permits), matching(&halves.forbids));
        Self { permits, forbids, has_failed }
    }
}

/// A label is revealed if every layer permits it to every party; the first that does not determines that it is
/// withheld. An error withholds it, and no policy determines that.
fn decided(label: ResultLabel, layers: &[Answer]) -> Decided {
    let matching = layers.iter().flat_map(|it| it.permits.iter().chain(&it.forbids));
    let matching = matching.cloned().collect();
    let refuses = |it: &&Answer| it.has_failed || !it.forbids.is_empty() || it.permits.is_empty();
    let first = layers.iter().find(refuses);
    let determining = match first {
        Some(Answer { has_failed: true, .. }) => BTreeSet::new(),
        Some(refusing) => refusing.forbids.clone(),
        None => layers.iter().flat_map(|it| it.permits.iter().cloned()).collect(),
    };
    Decided { label, is_revealed: first.is_none(), determining, matching }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check(layers: &[(&[&str], &[&str], bool)], is_revealed: bool, determining: &[&str]) {
        let answer = |(permits, forbids, has_failed): &(&[&str], &[&str], bool)| Answer {
            permits: ids(permits),
            forbids: ids(forbids),
            has_failed: *has_failed,
        };
        let label = ResultLabel { tool: "crm/get".into(), label: "pii".into() };
        let decided = decided(label, &layers.iter().map(answer).collect::<Vec<_>>());
        assert_eq!((decided.is_revealed, decided.determining), (is_revealed, ids(determining)));
    }

    #[test]
    fn the_first_layer_that_does_not_reveal_a_label_withholds_it() {
        check(&[(&["a", "b"], &[], false), (&["c"], &[], false)], true, &["a", "b", "c"]);
        check(&[(&["a"], &["b"], false), (&["c"], &["d"], false)], false, &["b"]);
        check(&[(&["a"], &[], false), (&["c"], &["d"], false)], false, &["d"]);
        check(&[(&[], &[], false), (&["c"], &["d"], false)], false, &[]);
        check(&[(&["a"], &["b"], true)], false, &[]);
    }
}
