//! The decision of a candidate bundle about a request.
//!
//! A candidate is evaluated after the decision, only for bodies that the bundle in force could
//! read. Its outcomes go only to records and counters.

use super::Event;
use super::decided::Decided;
use super::evaluation::Evaluation;
use crate::bundle::BundleId;
use crate::gate::Gate;
use crate::json::Shared;
use crate::reason::Reason;
use crate::record::{CandidateField, Outcome};

/// The state of the candidate, and its outcomes once it has decided.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    evaluation: Evaluation,
    decided: Option<(Shared<BundleId>, Vec<Outcome>)>,
}

impl Candidate {
    /// Passes an event to the candidate unless it has decided.
    pub(super) fn step(&mut self, candidate: &Gate, event: Event<'_>, decided: Option<&Decided>) {
        let readable = match event {
            Event::Headers(_) => true,
            Event::Buffered(_) => false,
            Event::End(_) => decided.is_some_and(Decided::is_about_messages),
        };
        if self.decided.is_none() && readable {
            let outcomes = self.evaluation.step(candidate, event).map(Decided::into_outcomes);
            self.decided = outcomes.map(|outcomes| (candidate.bundle.id.clone(), outcomes));
        }
    }

    /// Whether the candidate would refuse the request.
    pub(super) fn refuses(&self) -> bool {
        self.decided.iter().flat_map(|(_, outcomes)| outcomes).any(Outcome::is_refused)
    }

    /// The candidate's fields for `count` records: the outcome of each call, or of the request as a
    /// whole.
    pub(super) fn fields(&self, count: usize) -> Vec<Option<CandidateField>> {
        let Some((bundle, outcomes)) = &self.decided else { return vec![None; count] };
        let whole = outcomes.iter().find(|outcome| outcome.decides()).or_else(|| outcomes.first());
        let of = |index: usize| {
            let outcome = if outcomes.len() == count { outcomes.get(index) } else { whole };
            let outcome = outcome.cloned().unwrap_or_else(|| Outcome::because(Reason::Lifecycle));
            Some(CandidateField { bundle: bundle.clone(), outcome })
        };
        (0..count).map(of).collect()
    }
}
