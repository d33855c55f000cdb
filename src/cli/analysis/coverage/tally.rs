//! Counts what each case reaches.

use std::collections::BTreeSet;

use cedar_policy::Authorizer;

use super::reachable::{Coverage, Halves};
use super::shown::{Shown, said};
use crate::cli::analysis::run::Outcome;
use crate::cli::analysis::trace::{PosedCall, Trace};
use crate::decide::CedarRequest;
use crate::gate::Gate;
use crate::reason::Reason;

impl Coverage {
    /// Counts one case.
    pub fn count(&mut self, gate: &Gate, trace: &Trace, outcome: &Outcome) {
        let mut reasons: BTreeSet<Reason> = outcome.records.iter().map(said).collect();
        reasons.insert(outcome.reason);
        for reason in reasons {
            increment(self.reasons.entry(reason).or_default());
        }
        let shown: Vec<Shown> =
            outcome.telling().iter().filter_map(|record| self.shown(record)).collect();
        let called = outcome.records.iter().filter_map(|record| record.tool.as_deref());
        for name in called.collect::<BTreeSet<_>>() {
            let Some(tool) = self.tools.get_mut(name) else { continue };
            let in_any = |what: fn(&Shown) -> bool| shown.iter().any(|s| s.tool == name && what(s));
            increment(&mut tool.cases);
            if in_any(|shown| shown.permitted) {
                increment(&mut tool.permitted);
            }
            if in_any(|shown| shown.refused) {
                increment(&mut tool.refused);
            }
        }
        self.count_policies(&shown, &self.matching(gate, trace, outcome));
    }

    fn count_policies(&mut self, shown: &[Shown], matching: &BTreeSet<String>) {
        for (id, policy) in &mut self.policies {
            let determined = shown.iter().filter(|shown| shown.determining.contains(id));
            let about: BTreeSet<String> = determined.map(|shown| shown.tool.clone()).collect();
            if !about.is_empty() {
                increment(&mut policy.determined);
            } else if matching.contains(id) {
                increment(&mut policy.matched);
            }
            policy.determined_about.extend(about);
        }
    }

    /// The policies that match a call of the case, independently of all others.
    fn matching(&self, gate: &Gate, trace: &Trace, outcome: &Outcome) -> BTreeSet<String> {
        let calls = outcome.records.iter().filter_map(|record| trace.of(record));
        let all = calls.flat_map(|PosedCall { question, identity }| {
            let layers = gate.bundle.all_layers().of(identity);
            let halves = layers.filter_map(|layer| self.layers.get(&layer.name));
            halves.flat_map(|halves| matching(halves, question))
        });
        all.collect()
    }
}

/// The policies that match a Cedar request. Evaluated alone, all matching policies of one effect
/// are determining.
fn matching(halves: &Halves, question: &CedarRequest) -> impl Iterator<Item = String> {
    [&halves.permits, &halves.forbids].into_iter().flat_map(|half| {
        let answer = Authorizer::new().is_authorized(question.request(), half, question.entities());
        answer.diagnostics().reason().map(ToString::to_string).collect::<Vec<_>>()
    })
}

fn increment(count: &mut usize) {
    *count = count.saturating_add(1);
}
