//! The claims of both tokens, and the messages between a gate and an approval service.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::Binding;
use crate::metadata::whole;

/// The claims with which a gate asks for approval. Times are seconds since the epoch.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Request {
    /// The gate, by the name that its bundle gives it.
    pub iss: String,
    /// The approval service.
    pub aud: String,
    /// When it was signed.
    pub iat: i64,
    /// Until when it can be approved, and the call repeated.
    pub exp: i64,
    /// The id of the decision, which no other request has. An approval is used up by it.
    pub jti: String,
    /// What is approved.
    #[serde(flatten)]
    pub binding: Binding,
    /// [`Binding::hash`]
    pub binding_hash: String,
    /// What helps to decide, and is not bound.
    pub details: Details,
}

/// What helps an approver to decide.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Details {
    /// The groups of `@escalate`.
    pub groups: Vec<String>,
    /// The ids of the policies that demand approval.
    pub policies: Vec<String>,
    /// What these policies say to people.
    pub reasons: Vec<String>,
    /// The id of the transaction.
    pub txn: Option<String>,
}

/// The claims with which an approval service answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Approval {
    /// The approval service.
    pub iss: String,
    /// The gate that asked: `iss` of the request.
    pub aud: String,
    /// When the approver decided.
    #[serde(deserialize_with = "seconds")]
    pub iat: i64,
    /// Until when the call can be repeated.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
    /// The id of the approval.
    pub jti: String,
    /// The signed [`Request`].
    pub request: String,
    /// What the approver decided.
    pub decision: Ruling,
    /// The verified claims of the approver.
    pub approver: Map<String, Value>,
    /// What the approver said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A time in whole seconds. From Envoy's metadata, all numbers are doubles.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = Value::deserialize(deserializer)?;
    whole(&number).ok_or_else(|| D::Error::custom("a time is in whole seconds"))
}

/// What an approver decided.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// The call may be made once.
    Approved,
    /// It may not.
    Denied,
}

/// The body of a gate's request to an approval service: the claims of a [`Request`] for services that
/// do not read it, and the request itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Asked {
    /// What is to be approved.
    #[serde(flatten)]
    pub binding: Binding,
    /// The signed [`Request`].
    pub binding_token: String,
}

/// The body of the answer of an approval service.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// How far the request is.
    pub status: Status,
    /// The signed [`Approval`], unless it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

/// How far a request for approval is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has decided.
    Pending,
    /// Somebody has approved.
    Approved,
    /// Somebody has denied.
    Denied,
}
