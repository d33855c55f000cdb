//! The record of a decision. Log line, filter state, metrics and headers derive from it.
//!
#![doc = include_str!("record.md")]

mod draft;
mod inner;
mod line;
mod object;
mod outcome;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::sample;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
#[cfg(test)]
use serde::Serialize;

use crate::bundle::{BundleId, LayerName, Mode};
use crate::decide::ApprovalField;
use crate::digest::Digest;
use crate::gate::GateId;
use crate::identity::{ActorField, CapabilityField, PrincipalField, TokenField};
use crate::json::{Rendered, Shared};
use crate::memory::Spending;
use crate::reason::{Decision, EventClass, Reason};

pub(crate) use draft::{CallFields, Draft, Request};
pub use inner::InnerField;
pub use line::to_lines;
pub use object::to_object;
pub use outcome::{CandidateField, Flip, Outcome};

/// The name of the record format.
pub const SCHEMA: &str = "toolgate.decision/1";

/// One decision about one call, as one flat JSON object. It is built once, and nothing changes it
/// afterwards. A group of fields that belong together is one level deeper. Fields without a value are
/// `null`, so that every record has every field.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize))]
pub struct Record {
    /// `toolgate.decision/1`
    pub schema: &'static str,
    /// When the request arrived, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// A UUID of version 7 that is also in the headers and in the refusal.
    pub id: String,
    /// The class of the event.
    pub event_class: EventClass,
    /// The decision.
    pub decision: Decision,
    /// The reason, from a closed set.
    pub reason: Reason,
    /// A description of the problem.
    pub detail: Option<String>,
    /// The ids of the policies that determined the decision.
    pub policies: Vec<String>,
    /// The refusing layer, or the most specific layer that permits.
    pub layer: Option<LayerName>,
    /// The party that is refused, where each needs the right by itself.
    pub party: Option<String>,
    /// Whether the bundle is enforced or in shadow.
    pub mode: Mode,
    /// The deciding bundle.
    pub bundle: Shared<BundleId>,
    /// The decision with the bundle's shadow policies enforced.
    pub shadow_decision: Option<Decision>,
    /// The outcome with shadow policies enforced.
    pub shadow: Option<Outcome>,
    /// The candidate bundle's decision.
    pub candidate_decision: Option<Decision>,
    /// The candidate bundle's outcome.
    pub candidate: Option<CandidateField>,
    /// The principal: whom the call was for.
    pub principal: Option<Shared<PrincipalField>>,
    /// The actor that performed the call.
    pub actor: Option<Shared<ActorField>>,
    /// Further claims of the principal's token.
    pub token: Option<Shared<TokenField>>,
    /// The capabilities that the request carries.
    pub capabilities: Option<Shared<Vec<CapabilityField>>>,
    /// The request's authority.
    pub authority: String,
    /// The request's path without query.
    pub path: String,
    /// The tool server.
    pub server: Option<Arc<str>>,
    /// The tool, `<server>/<name>`.
    pub tool: Option<Arc<str>>,
    /// The name on the wire, if `tool` has another one.
    pub tool_name: Option<Arc<str>>,
    /// The protocol's method, such as `tools/call`.
    pub method: Option<Cow<'static, str>>,
    /// The tool's classes.
    pub classes: Arc<[String]>,
    /// The tool's data class.
    pub data_class: Option<Arc<str>>,
    /// The tool's kind of operation.
    pub operation: Option<Arc<str>>,
    /// The cost of one call of the tool, in a unit that the bundle chooses.
    pub cost: Option<u32>,
    /// The arguments, redacted; `null` if no inventory defines what to redact.
    pub arguments: Option<Rendered>,
    /// SHA-256 of the arguments' canonical JSON.
    pub arguments_digest: Option<Digest>,
    /// The Cedar resource.
    pub resource: Option<Arc<str>>,
    /// The labels whose parts of the result the caller gets.
    pub revealed: Arc<[String]>,
    /// The labels whose parts of the result are withheld.
    pub masked: Arc<[String]>,
    /// What the call spends of each budget, or would have spent.
    pub budgets: Vec<Spending>,
    /// The approval with which the call was decided.
    pub approval: Option<Box<ApprovalField>>,
    /// The inner call.
    pub inner: Option<Box<InnerField>>,
    /// The transaction id from the token.
    pub txn: Option<String>,
    /// The trace id of a W3C `traceparent`.
    pub trace_id: Option<String>,
    /// The address of the downstream peer.
    pub source_ip: Option<IpAddr>,
    /// The gate's environment.
    pub environment: Arc<str>,
    /// The deciding gate.
    pub gate: Shared<GateId>,
    /// Whether the tool is in the inventory.
    #[cfg_attr(test, serde(skip))]
    pub(crate) known: bool,
}

impl Record {
    /// The decisions that differ under shadow or candidate policies.
    pub fn flips(&self) -> impl Iterator<Item = Flip> {
        let from = self.decision;
        [("shadow", self.shadow_decision), ("candidate", self.candidate_decision)]
            .into_iter()
            .filter_map(move |(by, to)| Some(Flip { by, from, to: to.filter(|to| *to != from)? }))
    }
}

/// The id of the `index`-th decision about one request: a version 7 UUID (RFC 9562), from the time
/// of arrival and randomness supplied by the edge.
pub fn decision_id(time: DateTime<Utc>, entropy: u128, index: usize) -> String {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or_default();
    let random = entropy.wrapping_add(u128::try_from(index).unwrap_or_default());
    let [_, _, _, _, _, _, random @ ..] = random.to_be_bytes();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned()
}
