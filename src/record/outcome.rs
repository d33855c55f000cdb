//! The outcome of evaluating a set of policies for a call.

use serde::Serialize;

use crate::bundle::{BundleId, LayerName};
use crate::decide::{Denial, Permit};
use crate::json::Shared;
use crate::reason::{Decision, Reason};

/// The outcome of a call under the enforced, shadow or candidate policies.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// The reason.
    pub reason: Reason,
    /// The ids of the determining policies.
    pub policies: Vec<String>,
    /// The refusing layer, or the most specific layer that permits.
    pub layer: Option<LayerName>,
    /// A description of the problem.
    pub detail: Option<String>,
    /// The party that is refused, where each needs the right by itself.
    pub party: Option<String>,
}

impl Outcome {
    /// An outcome without policies.
    pub(crate) fn because(reason: Reason) -> Self {
        Self { reason, policies: Vec::new(), layer: None, detail: None, party: None }
    }

    /// The decision of this outcome.
    pub(crate) fn decision(&self) -> Decision {
        self.reason.decision()
    }

    /// The outcome of a permitted call in a batch with a refused call.
    pub(crate) fn refused_with_batch(self) -> Self {
        let policies = Some(self.policies.join(" ")).filter(|policies| !policies.is_empty());
        let detail = policies.map(|policies| format!("on its own permitted by: {policies}"));
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
            party: denial.party().map(str::to_owned),
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
                party: None,
            },
            Err(denial) => Self::from(denial),
        }
    }
}

/// The outcome of a call under a candidate bundle.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize))]
pub struct CandidateField {
    /// The candidate bundle.
    pub bundle: Shared<BundleId>,
    /// Its outcome.
    #[cfg_attr(test, serde(flatten))]
    pub outcome: Outcome,
}

/// A decision that differs under another set of policies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flip {
    /// The differing policies: `shadow` or `candidate`.
    pub by: &'static str,
    /// The decision in force.
    pub from: Decision,
    /// The differing decision.
    pub to: Decision,
}
