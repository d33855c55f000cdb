//! Decides one call by one bundle: a permit or a denial. Only this module creates permits.

mod approve;
mod denial;
mod inner;
mod limits;
mod listing;
mod party;
mod question;
mod reveal;

use std::sync::Arc;

pub use approve::{Approved, Approver, approve};
pub(crate) use denial::difference;
pub use denial::{Denial, Escalation, INNER, Next, Rare};
pub use inner::Inner;
pub use listing::{Listing, list, list_asked, list_knowing};
pub use question::{CedarRequest, Facts, Question, Remembered};
pub use reveal::{decide_revealing, withheld_from_some};

use crate::bundle::{Bundle, Layer, LayerName, Layers, OnChange, Shadow};
use crate::gate::ChangedTools;
use crate::identity::{Identity, PrincipalField};
use crate::json::Shared;
use crate::mcp::Housekeeping;
use crate::memory::{Query, Write};
use crate::policy::{CompiledPolicy, Fallback, RequestKeys, Response, Unreadable, authorize};
use crate::reason::Reason;
use crate::tool::{Inexact, Label, Tool, Withheld};
use question::invalid;

/// Proof that a message was decided and may pass. Only this module creates it, and forwarding
/// requires it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permit {
    reason: Reason,
    policies: Vec<String>,
    layer: Option<LayerName>,
}

impl Permit {
    /// The reason for the permit.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The permitting policies, sorted by id.
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// The most specific permitting layer.
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
    /// Combines the permits of a body's messages; a body without a message has no proof.
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

/// The decision about one call.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The outcome in force.
    pub outcome: Result<Permit, Denial>,
    /// The outcome with shadow policies enforced; `None` if nothing is in shadow.
    pub staged: Option<Result<Permit, Denial>>,
    /// The labels of the result, as far as they were decided.
    pub revealed: Revealed,
    /// Who has approved the call.
    pub approval: Option<Box<UsedApproval>>,
}

/// The approval with which a call was decided.
#[derive(Clone, Debug)]
pub struct UsedApproval {
    /// The approval, for the record.
    pub field: ApprovalField,
    /// What is to be remembered, so that it is used once.
    pub write: Option<Write>,
    /// What the rate limit service must be asked, if it is for several proxies.
    pub first_use: Option<Query>,
}

/// An approval in records.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct ApprovalField {
    /// The id of the approval.
    pub id: String,
    /// The id of the decision that asked for it.
    pub request: String,
    /// The approver.
    pub approver: Shared<PrincipalField>,
    /// The issuer of the approver's claims.
    pub issuer: Option<String>,
    /// The client with which the approver has signed in, if the claims name it.
    pub client: Option<String>,
    /// The policies that permit the approver to approve.
    pub policies: Vec<String>,
    /// What the approver said.
    pub reason: Option<String>,
    /// When the approver decided, RFC 3339 in UTC with milliseconds.
    pub time: String,
}

/// The labels of a result, by whether the caller gets the parts that have them.
#[derive(Clone, Debug, Default)]
pub struct Revealed {
    /// The labels whose parts the caller gets.
    shown: Vec<Arc<str>>,
    /// The labels whose parts are withheld, and what stands in place of a part.
    pub parts: Vec<(Label, Withheld)>,
    /// Labels of an inner call that are withheld. Its result can have any form in that of the outer
    /// call.
    pub wholly: Vec<Arc<str>>,
}

impl Revealed {
    /// Whether the result has no labels.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty() && self.parts.is_empty() && self.wholly.is_empty()
    }

    /// The labels whose parts the caller gets.
    pub fn shown(&self) -> impl Iterator<Item = String> {
        self.shown.iter().map(ToString::to_string)
    }

    /// The labels whose parts are withheld.
    pub fn withheld(&self) -> impl Iterator<Item = String> {
        let parts = self.parts.iter().map(|(label, _)| &label.name);
        parts.chain(&self.wholly).map(ToString::to_string)
    }

    /// The labels of a call with an inner call.
    fn with_inner(mut self, inner: Self) -> Self {
        self.shown.extend(inner.shown);
        self.wholly.extend(inner.parts.into_iter().map(|(label, _)| label.name));
        self
    }
}

impl From<Permit> for Verdict {
    /// The verdict for a message that is not evaluated by policies.
    fn from(permit: Permit) -> Self {
        Self { outcome: Ok(permit), staged: None, revealed: Revealed::default(), approval: None }
    }
}

/// Decides one call: every layer that applies must permit it, and any error is a denial. The denial
/// comes from the most general layer that refuses. A call that nothing but policies with `@escalate`
/// stand against is escalated.
pub fn decide(bundle: &Bundle, identity: &Identity, question: &Question<'_>) -> Verdict {
    let judge = |layers: &Layers| judge_parties(layers, identity, question);
    let (outcome, staged) = (judge(&bundle.layers), bundle.staged.as_ref().map(judge));
    Verdict { outcome, staged, revealed: Revealed::default(), approval: None }
}

/// Decides a call for each party that needs the right by itself. The same layers apply to all.
fn judge_parties(
    layers: &Layers,
    identity: &Identity,
    question: &Question<'_>,
) -> Result<Permit, Denial> {
    let own = |party: &Question<'_>| judge(layers.of(identity), party);
    party::of_all(question, own, |all, permit| all.with(&permit))
}

fn judge<'a>(
    layers: impl Iterator<Item = &'a Layer>,
    question: &Question<'_>,
) -> Result<Permit, Denial> {
    let env = question.env();
    let keys = RequestKeys::of(&env);
    let applying = applying(layers, &keys)?;
    let all = || applying.iter().flat_map(|(_, policies)| policies);
    let fallback = Fallback::new(|| question.reachable(all()));
    for policy in all().filter(|_| !question.inexact().is_empty()) {
        let read = |argument: &&Inexact<'_>| {
            let path: Vec<&str> =
                std::iter::once("input").chain(argument.path.iter().copied()).collect();
            policy.reads.has(&path) && fallback.admits(policy) != Some(false)
        };
        if let Some(argument) = question.inexact().iter().find(read) {
            return Err(invalid(&argument.error, &format!(": policy `{}` reads it", policy.id)));
        }
    }
    let is_read = |policy: &&Arc<CompiledPolicy>| {
        question.reads_incomplete(policy) && fallback.admits(policy) != Some(false)
    };
    if let Some(policy) = all().find(is_read) {
        return Err(Denial::forgotten(Some(&policy.id)));
    }
    let (mut policies, mut escalated) = (Vec::new(), None::<Denial>);
    for (layer, candidates) in &applying {
        let response = authorize(candidates, &env, |policy| fallback.matches(policy));
        match outcome(layer, &response) {
            Ok(permits) => policies.extend(permits),
            // Another layer can refuse the call whatever a person says.
            Err(denial) if denial.escalation().is_some() => {
                escalated = Some(match escalated {
                    Some(known) => known.and_escalated(&denial),
                    None => denial,
                });
            }
            Err(denial) => return Err(denial),
        }
    }
    if let Some(denial) = escalated {
        return Err(denial);
    }
    // Without an applicable layer nothing is permitted.
    let (last, _) = applying.last().ok_or_else(|| Denial::because(Reason::NotPermitted))?;
    policies.sort_unstable();
    // An agent that occurs twice in the chain has its layer evaluated twice.
    policies.dedup();
    Ok(Permit { reason: Reason::Permitted, policies, layer: Some(last.name.clone()) })
}

/// Refuses calls of a tool that its server listed otherwise than it is pinned.
pub(crate) fn unchanged(
    bundle: &Bundle,
    changed: &ChangedTools,
    tool: &Tool,
) -> Result<(), Denial> {
    let Some(listed) = changed.of(bundle, tool) else { return Ok(()) };
    match bundle.on_change(tool.server()) {
        OnChange::Refuse => Err(Denial::changed(tool, listed)),
        OnChange::Warn => Ok(()),
    }
}

/// Whether a policy that can match a call reads the scopes of the token. One that does not parse refuses
/// the call with any scopes.
pub(crate) fn reads_scopes(bundle: &Bundle, identity: &Identity, question: &Question<'_>) -> bool {
    let are_read = |party: &Question<'_>| {
        let env = party.env();
        let applying = applying(bundle.layers.of(identity), &RequestKeys::of(&env));
        let reads = |policy: &Arc<CompiledPolicy>| policy.reads.has(&["token", "scopes"]);
        applying.is_ok_and(|all| all.iter().flat_map(|(_, policies)| policies).any(reads))
    };
    are_read(question) || question.of_agents().any(|agent| are_read(&agent))
}

/// Permits a message that runs nothing.
pub fn housekeeping(_proof: Housekeeping) -> Permit {
    Permit { reason: Reason::Lifecycle, policies: Vec::new(), layer: None }
}

/// Permits a request that a bundle in shadow would refuse.
pub fn watched(_proof: Shadow) -> Permit {
    Permit { reason: Reason::Shadow, policies: Vec::new(), layer: None }
}

/// A layer, and its policies that can match a call.
type Applying<'a> = (&'a Layer, Vec<Arc<CompiledPolicy>>);

/// The layers that apply to a call, each with the policies that can match it.
fn applying<'a>(
    layers: impl Iterator<Item = &'a Layer>,
    keys: &RequestKeys<'_>,
) -> Result<Vec<Applying<'a>>, Denial> {
    let candidates = |layer: &'a Layer| {
        let policies = layer.candidates(keys).map_err(|what| unreadable(layer, what))?;
        Ok((layer, policies))
    };
    layers.map(candidates).collect()
}

/// The outcome of one layer. Cedar skips a policy that errs, so an erring `forbid` would permit the
/// call. Therefore any error denies, regardless of the other policies.
fn outcome(layer: &Layer, response: &Response) -> Result<Vec<String>, Denial> {
    if !response.errors.is_empty() {
        return Err(denial(layer, Reason::PolicyError, &response.errors));
    }
    if !response.forbids.is_empty() {
        let escalates = response.forbids.iter().all(|policy| policy.escalate.is_some());
        if escalates && !response.permits.is_empty() {
            return Err(Denial::escalated(layer, &response.forbids));
        }
        return Err(denial(layer, Reason::Forbidden, &response.forbids));
    }
    if response.permits.is_empty() {
        return Err(denial(layer, Reason::NotPermitted, &[]));
    }
    Ok(ids(&response.permits).collect())
}

/// The denial by policies of a layer.
fn denial(layer: &Layer, reason: Reason, policies: &[Arc<CompiledPolicy>]) -> Denial {
    let (mut advice, mut detail) = (None, None);
    if reason == Reason::PolicyError {
        // Cedar's error repeats values, which may be arguments that the inventory redacts.
        detail = Some("these policies could not be evaluated".to_owned());
    } else {
        advice = policies.iter().find_map(|policy| policy.reason.clone());
    }
    let policies = ids(policies).collect();
    Denial { policies, layer: Some(layer.name.clone()), advice, detail, ..Denial::because(reason) }
}

/// The denial for a policy that does not parse, which building a bundle rules out.
fn unreadable(layer: &Layer, Unreadable(policy): Unreadable) -> Denial {
    Denial {
        policies: vec![policy],
        layer: Some(layer.name.clone()),
        detail: Some("this policy does not read".to_owned()),
        ..Denial::because(Reason::PolicyError)
    }
}

fn ids(policies: &[Arc<CompiledPolicy>]) -> impl Iterator<Item = String> {
    policies.iter().map(|policy| policy.id.clone())
}

#[cfg(test)]
mod tests;
