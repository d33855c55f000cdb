//! Counts what each case reaches.

use std::collections::BTreeSet;

use cedar_policy::Authorizer;

use super::halves::Halves;
use super::labels::ResultLabel;
use super::reachable::Coverage;
use super::shown::{Shown, said};
use crate::cli::analysis::run::Outcome;
use crate::cli::analysis::trace::{PosedCall, Trace, is_about_inner};
use crate::decide::CedarRequest;
use crate::gate::Gate;
use crate::reason::Reason;
use crate::record::Record;

impl Coverage {
    /// Counts one case.
    pub fn count(&mut self, gate: &Gate, trace: &Trace, outcome: &Outcome) {
        let mut reasons: BTreeSet<Reason> = outcome.records.iter().map(said).collect();
        reasons.insert(outcome.reason);
        for reason in reasons {
            increment(self.reasons.entry(reason).or_default());
        }
        let shown: Vec<Shown> =
            outcome.telling().iter().flat_map(|it| self.shown_calls(gate, trace, it)).collect();
        let called = outcome.records.iter().flat_map(|record| {
            let inner = record.inner.as_ref().map(|inner| &*inner.tool);
            record.tool.as_deref().into_iter().chain(inner)
        });
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
        self.count_labels(&shown);
        self.count_policies(&shown, &self.matching(gate, trace, outcome));
        self.count_budgets(outcome);
    }

    fn count_budgets(&mut self, outcome: &Outcome) {
        let exceeding = outcome.telling().iter();
        for record in exceeding.filter(|record| record.reason == Reason::BudgetExceeded) {
            let inner = record.inner.as_ref().map(|inner| &*inner.tool);
            let tool = inner.filter(|_| is_about_inner(record)).or(record.tool.as_deref());
            for spending in record.budgets.iter().filter(|spending| spending.exceeds()) {
                if let Some(budget) = self.budgets.get_mut(&*spending.budget) {
                    budget.exceeded_by.extend(tool.map(str::to_owned));
                }
            }
        }
    }

    fn count_labels(&mut self, shown: &[Shown]) {
        let decided = shown.iter().flat_map(|shown| &shown.labels);
        for (label, is_revealed) in
            decided.map(|it| (&it.label, it.is_revealed)).collect::<BTreeSet<_>>()
        {
            let Some(coverage) = self.labels.get_mut(label) else { continue };
            increment(if is_revealed { &mut coverage.revealed } else { &mut coverage.withheld });
        }
    }

    fn count_policies(&mut self, shown: &[Shown], matching: &BTreeSet<String>) {
        for (id, policy) in &mut self.policies {
            let determined = shown.iter().filter(|shown| shown.determining.contains(id));
            let about: BTreeSet<String> = determined.map(|shown| shown.tool.clone()).collect();
            let decided = || shown.iter().flat_map(|shown| &shown.labels);
            let labels = decided().filter(|it| it.determining.contains(id));
            let labels: BTreeSet<ResultLabel> = labels.map(|it| it.label.clone()).collect();
            if !about.is_empty() || !labels.is_empty() {
                increment(&mut policy.determined);
            } else if matching.contains(id) || decided().any(|it| it.matching.contains(id)) {
                increment(&mut policy.matched);
            }
            policy.determined_about.extend(about);
            policy.determined_labels.extend(labels);
        }
    }

    /// The contributions of a record: that of its call, and that of the inner call. The record has
    /// the policies of both together.
    fn shown_calls(&self, gate: &Gate, trace: &Trace, record: &Record) -> Vec<Shown> {
        let shown = self.shown(record, record.tool.as_deref());
        let Some(posed) = trace.of(record) else { return Vec::from_iter(shown) };
        let PosedCall { question, agents, identity, inner_agents, .. } = posed;
        let with_labels = |shown: Shown, question, agents| {
            shown.with_labels(self, gate, (identity, question, agents))
        };
        let shown = shown.map(|shown| with_labels(shown, question, agents));
        let mut shown = Vec::from_iter(shown);
        let Some(inner) = &record.inner else { return shown };
        let about_inner = is_about_inner(record);
        for outer in &mut shown {
            let matching = self.matching_any(gate, posed, (question, agents));
            outer.determining.retain(|id| matching.contains(id));
            outer.refused &= !about_inner;
        }
        let inner = self.shown(record, Some(&*inner.tool)).zip(posed.inner.as_ref());
        shown.extend(inner.map(|(mut shown, question)| {
            let matching = self.matching_any(gate, posed, (question, inner_agents));
            shown.determining.retain(|id| matching.contains(id));
            shown.refused &= about_inner;
            with_labels(shown, question, inner_agents)
        }));
        shown
    }

    /// The policies that match a call of the case, independently of all others.
    fn matching(&self, gate: &Gate, trace: &Trace, outcome: &Outcome) -> BTreeSet<String> {
        let calls = outcome.records.iter().filter_map(|record| trace.of(record));
        let all = calls.flat_map(|posed| {
            let one = |question| self.matching_one(gate, posed, question);
            posed.all().flat_map(one).collect::<BTreeSet<_>>()
        });
        all.collect()
    }

    /// The policies that match for the principal, or for an agent that needs the right by itself.
    fn matching_any(
        &self,
        gate: &Gate,
        posed: &PosedCall,
        (question, agents): (&CedarRequest, &[CedarRequest]),
    ) -> BTreeSet<String> {
        let all = std::iter::once(question).chain(agents);
        all.flat_map(|question| self.matching_one(gate, posed, question)).collect()
    }

    fn matching_one(
        &self,
        gate: &Gate,
        posed: &PosedCall,
        question: &CedarRequest,
    ) -> BTreeSet<String> {
        let layers = gate.bundle.all_layers().of(&posed.identity);
        let halves = layers.filter_map(|layer| self.layers.get(&layer.name));
        halves.flat_map(|halves| matching(halves, question)).collect()
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
