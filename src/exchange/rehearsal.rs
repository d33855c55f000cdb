//! What the candidate bundle would do with a request. It sees all that the bundle in force sees, and
//! changes nothing.

use super::course::{Asked, Course};
use super::{Event, Step};
use crate::bundle::BundleId;
use crate::config::Gate;
use crate::reason::{Decision, Reason};
use crate::record::{CandidateField, Opinion, Record, Shared};

/// The state of the candidate, and its records once it has decided.
#[derive(Debug, Default)]
pub(super) struct Rehearsal {
    course: Course,
    outcome: Option<Outcome>,
}

/// What the candidate decided.
#[derive(Debug)]
struct Outcome {
    bundle: Shared<BundleId>,
    /// Housekeeping that passes has none.
    records: Vec<Record>,
}

impl Rehearsal {
    /// Puts an event to the candidate, as long as it has not decided.
    pub(super) fn step(&mut self, candidate: &Gate, event: Event<'_>) {
        if self.outcome.is_some() {
            return;
        }
        let records = match self.course.step(candidate, event, Asked::ForCalls) {
            Step::AwaitBody => return,
            Step::Forward(forward) => forward.records,
            Step::Refuse(refusal) => refusal.records,
        };
        self.outcome = Some(Outcome { bundle: candidate.bundle.id.clone(), records });
    }

    /// Whether the candidate would refuse the request.
    pub(super) fn refuses(&self) -> bool {
        let records = self.outcome.iter().flat_map(|outcome| &outcome.records);
        records.into_iter().any(Record::is_refused)
    }

    /// Puts down what the candidate says. It speaks of every call, or of the request as a whole.
    pub(super) fn annotate(&self, records: &mut [Record]) {
        let Some(Outcome { bundle, records: said }) = &self.outcome else { return };
        let one_each = said.len() == records.len();
        let whole = said.iter().find(|record| record.decides()).or_else(|| said.first());
        for (index, record) in records.iter_mut().enumerate() {
            let said = if one_each { said.get(index) } else { whole };
            let opinion = said.map_or_else(|| Opinion::because(Reason::Lifecycle), Record::opinion);
            let decision = said.map_or(Decision::Permit, |said| said.decision);
            record.compare(decision, CandidateField { bundle: bundle.clone(), opinion });
        }
    }
}
