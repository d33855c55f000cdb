//! What policies say that are not in force: those in shadow, and those of a candidate bundle.

use serde::Serialize;

use super::{Record, Shared};
use crate::bundle::{BundleId, LayerName, Mode};
use crate::decide::{Denial, Permit};
use crate::reason::{Decision, Reason};

/// What a set of policies says about a call.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Opinion {
    /// Why.
    pub reason: Reason,
    /// The ids of the policies that determined it.
    pub policies: Vec<String>,
    /// The layer that refused, or the most specific one that permits.
    pub layer: Option<LayerName>,
    /// What exactly went wrong, in words.
    pub detail: Option<String>,
}

impl Opinion {
    /// An opinion without policies.
    pub(crate) fn because(reason: Reason) -> Self {
        Self { reason, policies: Vec::new(), layer: None, detail: None }
    }
}

impl From<&Result<Permit, Denial>> for Opinion {
    fn from(outcome: &Result<Permit, Denial>) -> Self {
        match outcome {
            Ok(permit) => Self {
                reason: permit.reason(),
                policies: permit.policies().to_vec(),
                layer: permit.layer().cloned(),
                detail: None,
            },
            Err(denial) => Self {
                reason: denial.reason,
                policies: denial.policies.clone(),
                layer: denial.layer.clone(),
                detail: denial.detail.clone(),
            },
        }
    }
}

/// What a candidate bundle says about a call.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize))]
pub struct CandidateField {
    /// The candidate.
    pub bundle: Shared<BundleId>,
    /// What it says.
    #[cfg_attr(test, serde(flatten))]
    pub opinion: Opinion,
}

/// A decision that another set of policies would change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flip {
    /// Who would change it: `shadow` or `candidate`.
    pub by: &'static str,
    /// The decision in force.
    pub from: Decision,
    /// The decision instead of it.
    pub to: Decision,
}

impl Record {
    /// What was decided, as an opinion.
    pub(crate) fn opinion(&self) -> Opinion {
        Opinion {
            reason: self.reason,
            policies: self.policies.clone(),
            layer: self.layer.clone(),
            detail: self.detail.clone(),
        }
    }

    /// Puts down what would hold if nothing in the bundle were in shadow.
    pub(crate) fn stage(&mut self, opinion: Option<Opinion>) {
        self.shadow_decision = opinion.as_ref().map(|opinion| opinion.reason.decision());
        self.shadow = opinion;
    }

    /// Makes it the record of a bundle in shadow, which refuses nothing.
    pub(crate) fn watch(&mut self) {
        self.stage(Some(self.opinion()));
        self.mode = Mode::Shadow;
        self.decide(Reason::Shadow);
    }

    /// Puts down what the candidate bundle says.
    pub(crate) fn compare(&mut self, decision: Decision, candidate: CandidateField) {
        self.candidate_decision = Some(decision);
        self.candidate = Some(candidate);
    }

    /// The decisions that policies which are not in force would change.
    pub fn flips(&self) -> impl Iterator<Item = Flip> {
        let from = self.decision;
        [("shadow", self.shadow_decision), ("candidate", self.candidate_decision)]
            .into_iter()
            .filter_map(move |(by, to)| Some(Flip { by, from, to: to.filter(|to| *to != from)? }))
    }
}
