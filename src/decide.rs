//! One call, one bundle → a permit or a denial. Nothing else makes a permit.

mod request;

use cedar_policy::{Authorizer, Decision as Answer, PolicyId, Response};

pub use request::{Facts, Question};

use crate::bundle::{Bundle, Layer, LayerName, Layers, Shadow};
use crate::identity::Identity;
use crate::mcp::Housekeeping;
use crate::reason::Reason;

/// Proof that a message was decided and may pass. Only this module makes one, and forwarding
/// needs one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permit {
    reason: Reason,
    policies: Vec<String>,
    layer: Option<LayerName>,
}

impl Permit {
    /// Why the message may pass.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The policies that permit it, in the order of their ids.
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// The most specific layer that permits it.
    pub fn layer(&self) -> Option<&LayerName> {
        self.layer.as_ref()
    }
}

/// Proof that every message of a body may pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permits {
    first: Permit,
    rest: Vec<Permit>,
}

impl Permits {
    /// The proof for a body of these messages; a body without a message has none.
    pub fn all(permits: Vec<Permit>) -> Option<Self> {
        let mut permits = permits.into_iter();
        Some(Self { first: permits.next()?, rest: permits.collect() })
    }

    /// The permits in the order of the messages.
    pub fn iter(&self) -> impl Iterator<Item = &Permit> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl From<Permit> for Permits {
    fn from(first: Permit) -> Self {
        Self { first, rest: Vec::new() }
    }
}

/// Why a call may not pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The reason.
    pub reason: Reason,
    /// The policies that refused it, in the order of their ids.
    pub policies: Vec<String>,
    /// The layer that refused it.
    pub layer: Option<LayerName>,
    /// What the caller may be told: the author's `@reason`, or what is wrong with the arguments.
    pub advice: Option<String>,
    /// What went wrong, for the record only.
    pub detail: Option<String>,
}

impl Denial {
    /// A denial without policies.
    pub fn because(reason: Reason) -> Self {
        Self { reason, policies: Vec::new(), layer: None, advice: None, detail: None }
    }
}

/// What is decided about one call.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What holds.
    pub outcome: Result<Permit, Denial>,
    /// What would hold if nothing in the bundle were in shadow; `None` when nothing is.
    pub staged: Option<Result<Permit, Denial>>,
}

impl From<Permit> for Verdict {
    /// What no policy has a say in.
    fn from(permit: Permit) -> Self {
        Self { outcome: Ok(permit), staged: None }
    }
}

/// Decides one call: every layer that applies must permit it, and an error anywhere is a denial.
/// A denial is that of the most general layer that refuses.
pub fn decide(bundle: &Bundle, identity: &Identity, question: &Question) -> Verdict {
    let judge = |layers: &Layers| judge(layers.of(identity), question);
    Verdict { outcome: judge(&bundle.layers), staged: bundle.staged.as_ref().map(judge) }
}

fn judge<'a>(
    layers: impl Iterator<Item = &'a Layer>,
    question: &Question,
) -> Result<Permit, Denial> {
    let authorizer = Authorizer::new();
    let mut policies = Vec::new();
    let mut last = None;
    for layer in layers {
        let answer =
            authorizer.is_authorized(question.request(), &layer.policies, question.entities());
        policies.extend(read(layer, &answer)?);
        last = Some(layer.name.clone());
    }
    // Where no layer was asked, nothing is permitted.
    let layer = last.ok_or_else(|| Denial::because(Reason::NotPermitted))?;
    policies.sort_unstable();
    // An agent that stands in the chain twice has its layer asked twice.
    policies.dedup();
    Ok(Permit { reason: Reason::Permitted, policies, layer: Some(layer) })
}

/// Lets a message pass that runs nothing.
pub fn housekeeping(_proof: Housekeeping) -> Permit {
    Permit { reason: Reason::Lifecycle, policies: Vec::new(), layer: None }
}

/// Lets a request pass that a bundle in shadow would refuse.
pub fn watched(_proof: Shadow) -> Permit {
    Permit { reason: Reason::Shadow, policies: Vec::new(), layer: None }
}

/// What one layer's answer means. Cedar skips a policy that errors, so an erroring `forbid` would
/// be an open door: any error denies, whatever the answer says.
fn read(layer: &Layer, answer: &Response) -> Result<Vec<String>, Denial> {
    let determining = sorted(answer.diagnostics().reason());
    let denial = |reason, policies: &[&PolicyId]| Denial {
        policies: policies.iter().map(ToString::to_string).collect(),
        layer: Some(layer.name.clone()),
        ..Denial::because(reason)
    };
    let errors: Vec<_> = answer.diagnostics().errors().collect();
    if !errors.is_empty() {
        let failed = sorted(errors.iter().map(|error| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        }));
        // Cedar's words repeat values, which may be arguments that the inventory redacts.
        let detail = Some("these policies could not be evaluated".to_owned());
        return Err(Denial { detail, ..denial(Reason::PolicyError, &failed) });
    }
    match answer.decision() {
        Answer::Allow => Ok(determining.iter().map(ToString::to_string).collect()),
        Answer::Deny if determining.is_empty() => Err(denial(Reason::NotPermitted, &[])),
        Answer::Deny => {
            let advice = determining.iter().find_map(|id| layer.reason(id)).map(str::to_owned);
            Err(Denial { advice, ..denial(Reason::Forbidden, &determining) })
        }
    }
}

fn sorted<'a>(ids: impl Iterator<Item = &'a PolicyId>) -> Vec<&'a PolicyId> {
    let mut ids: Vec<&PolicyId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod layers;
#[cfg(test)]
mod tests;
