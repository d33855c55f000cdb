//! The decision of a candidate bundle about a request.
//!
//! A candidate is evaluated after the decision, only for bodies that the bundle in force could
//! read. Its outcomes go only to records and counters.

use std::borrow::Cow;
use std::sync::Arc;

use super::decided::{Decided, Located};
use super::evaluation::Evaluation;
use super::{Consulted, Event};
use crate::bundle::BundleId;
use crate::gate::{Gate, Sender};
use crate::json::Shared;
use crate::memory::{Answer, Slot};
use crate::reason::Reason;
use crate::record::{CandidateField, Outcome};

/// The state of the candidate, and its outcomes once it has decided.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    evaluation: Evaluation,
    decided: Option<(Shared<BundleId>, Vec<Located>)>,
}

impl Candidate {
    /// Passes an event to the candidate unless it has decided.
    pub(super) fn step(&mut self, candidate: &Gate, event: Event<'_>, decided: Option<&Decided>) {
        let readable = match event {
            Event::Headers(_) | Event::Recalled(_) => true,
            // It spends nothing, so it asks nobody.
            Event::Buffered(_) | Event::Drained(_) | Event::Consulted(_) => false,
            Event::End(_) => decided.is_some_and(Decided::is_about_messages),
        };
        if self.decided.is_none() && readable {
            let mut decided = self.evaluation.step(candidate, event);
            while decided.as_ref().is_some_and(|decided| decided.asked().is_some()) {
                let answer = Consulted::RateLimit(Answer::Within);
                self.evaluation.step(candidate, Event::Consulted(&answer));
                decided = self.evaluation.step(candidate, event);
            }
            let outcomes = decided.map(Decided::into_outcomes);
            self.decided = outcomes.map(|outcomes| (candidate.bundle.id.clone(), outcomes));
        }
    }

    /// The slots of memory that it reads.
    pub(super) fn recalls(&self) -> Cow<'_, [Slot]> {
        self.evaluation.recalls()
    }

    /// Forgets a decision that can be made again. One without memory, or without the body, stays.
    pub(super) fn again(&mut self) {
        if self.evaluation.can_decide_again() {
            self.decided = None;
        }
    }

    /// The sender as the candidate knows it.
    pub(super) fn sender(&self) -> Option<Arc<Sender>> {
        self.evaluation.sender()
    }

    /// Whether the candidate would refuse the request.
    pub(super) fn refuses(&self) -> bool {
        self.decided
            .iter()
            .flat_map(|(_, outcomes)| outcomes)
            .any(|it| it.outcome.reason.is_refusal())
    }

    /// The candidate's fields for the record of the message at this position, or of the request as a
    /// whole; `None` unless the candidate has decided.
    pub(super) fn field(&self, at: Option<usize>) -> Option<CandidateField> {
        let (bundle, outcomes) = self.decided.as_ref()?;
        let own = outcomes.iter().find(|it| it.at.is_none() || it.at == at);
        let deciding = outcomes.iter().find(|it| it.outcome.reason.determines());
        let outcome = match (own, deciding) {
            (Some(own), _) => own.outcome.clone(),
            // Housekeeping in a batch that is refused for another message.
            (None, Some(_)) if at.is_some() => Outcome::because(Reason::BatchRefused),
            (None, Some(deciding)) => deciding.outcome.clone(),
            (None, None) => Outcome::because(Reason::Lifecycle),
        };
        Some(CandidateField { bundle: bundle.clone(), outcome })
    }
}
