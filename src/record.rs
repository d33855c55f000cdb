//! The one account of a decision. Log line, filter state, metrics and headers derive from it.
//!
#![doc = include_str!("record.md")]

mod line;
mod opinion;
mod rendered;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::sample;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use chrono::{DateTime, Datelike as _, SecondsFormat, Timelike as _, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::bundle::{BundleId, LayerName, Mode};
use crate::digest::Digest;
use crate::reason::{Decision, EventClass, Reason};

pub use line::to_lines;
pub use opinion::{CandidateField, Flip, Opinion};
pub use rendered::{Rendered, Shared};

/// The name of the record's shape.
pub const SCHEMA: &str = "toolgate.decision/1";

/// What stands in records instead of a value that must not be shown.
pub const REDACTED: &str = "[redacted]";

/// The longest name from a caller that a record shows.
const LONGEST_NAME: usize = 256;

/// One decision about one call, as one flat JSON object; a group of fields that belong together
/// is one level deeper. Fields without a value are `null`, so that every record has every field.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize))]
pub struct Record {
    /// `toolgate.decision/1`
    pub schema: &'static str,
    /// When the request arrived, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// A UUID of version 7 that is also in the headers and in the refusal.
    pub id: String,
    /// What kind of event this is.
    pub event_class: EventClass,
    /// What was decided.
    pub decision: Decision,
    /// Why, from a closed set.
    pub reason: Reason,
    /// What exactly went wrong, in words.
    pub detail: Option<String>,
    /// The ids of the policies that determined the decision.
    pub policies: Vec<String>,
    /// The layer that refused, or the most specific one that permits.
    pub layer: Option<LayerName>,
    /// Whether the bundle decides or only watches.
    pub mode: Mode,
    /// Which bundle decided.
    pub bundle: Shared<BundleId>,
    /// What would be decided if nothing in the bundle were in shadow.
    pub shadow_decision: Option<Decision>,
    /// Why that would be decided.
    pub shadow: Option<Opinion>,
    /// What the candidate bundle would decide.
    pub candidate_decision: Option<Decision>,
    /// Why it would decide that.
    pub candidate: Option<CandidateField>,
    /// Whom the call was for.
    pub principal: Option<Shared<PrincipalField>>,
    /// Who performed it.
    pub actor: Option<Shared<ActorField>>,
    /// What else the token of the principal says.
    pub token: Option<Shared<TokenField>>,
    /// The request's authority.
    pub authority: String,
    /// The request's path without query.
    pub path: String,
    /// The tool server.
    pub server: Option<Rc<str>>,
    /// The tool, `<server>/<name>`.
    pub tool: Option<String>,
    /// The protocol's method, such as `tools/call`.
    pub method: Option<Cow<'static, str>>,
    /// The tool's classes.
    pub classes: Rc<[String]>,
    /// The tool's class of data.
    pub data_class: Option<Rc<str>>,
    /// The tool's kind of operation.
    pub operation: Option<Rc<str>>,
    /// What one call of the tool costs, in units of the bundle's own.
    pub cost: Option<u32>,
    /// The arguments, redacted; `null` where no inventory says what to redact.
    pub arguments: Option<Rendered>,
    /// SHA-256 of the arguments' canonical JSON.
    pub arguments_digest: Option<Digest>,
    /// SHA-256 of the canonical JSON of authority, path, method, tool name and arguments.
    pub request_digest: Option<Digest>,
    /// The Cedar resource.
    pub resource: Option<Rc<str>>,
    /// The transaction that the token names.
    pub txn: Option<String>,
    /// The trace id of a W3C `traceparent`.
    pub trace_id: Option<String>,
    /// The address of the downstream peer.
    pub source_ip: Option<IpAddr>,
    /// Where the gate runs.
    pub environment: Rc<str>,
    /// Which gate decided.
    pub gate: Shared<GateField>,
    /// Whether the tool is in the inventory.
    #[cfg_attr(test, serde(skip))]
    pub(crate) known: bool,
}

/// Whom a call was for.
#[derive(Clone, Debug, Serialize)]
pub struct PrincipalField {
    /// The Cedar entity type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The Cedar entity id.
    pub id: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// The teams.
    pub teams: Vec<String>,
    /// The entities that claims make its parents, such as `Role::"rep"`.
    pub parents: Vec<String>,
    /// The attributes that claims give it, redacted.
    pub attributes: BTreeMap<String, Value>,
    /// The Cedar entity, such as `User::"alice"`.
    #[serde(skip)]
    pub entity: String,
}

/// What the token of the principal says besides; its text is nowhere.
#[derive(Clone, Debug, Serialize)]
pub struct TokenField {
    /// Who issued it.
    pub issuer: Option<String>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// When it expires, RFC 3339 in UTC with milliseconds.
    pub expires: Option<String>,
    /// Its id.
    pub jti: Option<String>,
    /// SHA-256 of the canonical JSON of all its claims.
    pub claims_digest: Digest,
}

/// Who performed a call.
#[derive(Clone, Debug, Serialize)]
pub struct ActorField {
    /// The Cedar entity type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The current actor.
    pub id: String,
    /// All actors of the delegation, the current one first.
    pub chain: Vec<String>,
    /// The Cedar entity, such as `Agent::"support-bot"`.
    #[serde(skip)]
    pub entity: String,
}

/// Which gate decided.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GateField {
    /// The proxy's node id.
    pub node: String,
    /// The plugin's name.
    pub plugin: String,
    /// The VM's id.
    pub vm: String,
}

impl Record {
    /// Makes it the record of another reason; the policies of the first are no longer to blame.
    pub(crate) fn decide_anew(&mut self, reason: Reason) {
        let permitted_by = std::mem::take(&mut self.policies).join(" ");
        self.decide(reason);
        self.detail = Some(format!("on its own permitted by: {permitted_by}"));
    }

    /// Puts a reason in the place of what was decided.
    fn decide(&mut self, reason: Reason) {
        self.reason = reason;
        self.decision = reason.decision();
        self.event_class = reason.event_class();
        self.policies.clear();
        self.layer = None;
        self.detail = None;
    }

    /// Whether the call was refused.
    pub fn is_refused(&self) -> bool {
        self.decision != Decision::Permit
    }

    /// Whether the call was refused in its own right, and so decided a batch.
    pub fn decides(&self) -> bool {
        self.is_refused() && self.reason != Reason::BatchRefused
    }

    /// The tool as metrics name it: one of the inventory, `unknown`, or `none`.
    pub fn known_tool(&self) -> &str {
        match &self.tool {
            Some(tool) if self.known => tool,
            Some(_) => "unknown",
            None => "none",
        }
    }
}

/// RFC 3339 in UTC with milliseconds.
pub fn timestamp(time: DateTime<Utc>) -> String {
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (year, millis) = (u32::try_from(year), time.timestamp_subsec_millis());
    // Other years have more digits, and leap seconds more milliseconds.
    let (Ok(year @ 0..10_000), 0..1_000) = (year, millis) else {
        return time.to_rfc3339_opts(SecondsFormat::Millis, true);
    };
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let mut text = String::with_capacity("2026-11-21T00:00:00.000Z".len());
    let numbers = [year / 100, year % 100, month, day, hour, minute, second, millis / 10];
    for (number, after) in numbers.into_iter().zip(["", "-", "-", "T", ":", ":", ".", ""]) {
        text.extend([number / 10, number % 10].into_iter().filter_map(digit));
        text.push_str(after);
    }
    text.extend(digit(millis % 10));
    text.push('Z');
    text
}

fn digit(number: u32) -> Option<char> {
    char::from_digit(number, 10)
}

/// The id of the `index`-th decision about one request: a UUID of version 7 (RFC 9562), from the
/// time of arrival and randomness that the edge supplies.
pub fn decision_id(time: DateTime<Utc>, entropy: u128, index: usize) -> String {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or_default();
    let random = entropy.wrapping_add(u128::try_from(index).unwrap_or_default());
    let [_, _, _, _, _, _, random @ ..] = random.to_be_bytes();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned()
}

/// A name from the caller, as a log can bear it: cut, and with nothing that could begin a new line.
pub fn cut(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST_NAME && is_plain(name) {
        return Cow::Borrowed(name);
    }
    name.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect()
}

/// Whether a text is ASCII that nothing escapes.
pub(crate) fn is_plain(text: &str) -> bool {
    let plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
    text.bytes().all(plain)
}
