//! What a set of policies makes of a call.

use serde::Serialize;

use crate::bundle::{BundleId, LayerName};
use crate::decide::{Denial, Permit};
use crate::json::Shared;
use crate::reason::{Decision, Reason};

/// What a set of policies makes of a call: those in force, those in shadow, or a candidate's.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// The ids of the policies that determined it.
    pub policies: Vec<String>,
    /// The layer that refused, or the most specific one that permits.
    pub layer: Option<LayerName>,
    /// What exactly went wrong, in words.
    pub detail: Option<String>,
}

impl Outcome {
    /// An outcome without policies.
    pub(crate) fn because(reason: Reason) -> Self {
        Self { reason, policies: Vec::new(), layer: None, detail: None }
    }

    /// The decision that this outcome is.
    pub(crate) fn decision(&self) -> Decision {
        self.reason.decision()
    }

    /// Whether it is a refusal.
    pub(crate) fn is_refused(&self) -> bool {
        self.decision() != Decision::Permit
    }

    /// Whether it is a refusal of the call in its own right.
    pub(crate) fn decides(&self) -> bool {
        self.is_refused() && self.reason != Reason::BatchRefused
    }

    /// The outcome of a call that is refused because another call of its batch is.
    pub(crate) fn refused_with_batch(self) -> Self {
        let detail = Some(format!("on its own permitted by: {}", self.policies.join(" ")));
        Self { detail, ..Self::because(Reason::BatchRefused) }
    }
}

impl From<&Denial> for Outcome {
    fn from(denial: &Denial) -> Self {
        Self {
            reason: denial.reason,
            policies: denial.policies.clone(),
            layer: denial.layer.clone(),
            detail: denial.detail.clone(),
        }
    }
}

impl From<&Result<Permit, Denial>> for Outcome {
    fn from(outcome: &Result<Permit, Denial>) -> Self {
        match outcome {
            Ok(permit) => Self {
                reason: permit.reason(),
                policies: permit.policies().to_vec(),
                layer: permit.layer().cloned(),
                detail: None,
            },
            Err(denial) => Self::from(denial),
        }
    }
}

/// What a candidate bundle makes of a call.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize))]
pub struct CandidateField {
    /// The candidate.
    pub bundle: Shared<BundleId>,
    /// What it decides, and why.
    #[cfg_attr(test, serde(flatten))]
    pub outcome: Outcome,
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
