//! The question to an approval service over HTTP.

use super::{Answer, Asked, Binding, Status};

/// A question to an approval service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// The cluster of the service in the proxy's configuration.
    pub cluster: String,
    /// The authority of the request.
    pub authority: String,
    /// The path of the request.
    pub path: String,
    /// How long to wait for the answer, in milliseconds.
    pub timeout_ms: u64,
    /// Whether to wait longer, while a person thinks.
    pub hold: Option<Hold>,
    /// The body, JSON.
    pub body: String,
}

/// How a call is held while a person thinks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hold {
    /// For how many seconds the service may wait.
    pub wait: u64,
    /// How long to wait for its answer, in milliseconds.
    pub timeout_ms: u64,
    /// How many calls a worker holds at once. Others are not held.
    pub at_most: u32,
}

/// What an approval service has said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// Nobody has decided.
    Pending,
    /// An approver has decided: the signed approval.
    Decided(String),
    /// The service did not answer, or not what it should; the text says why.
    Unavailable(String),
}

impl Query {
    /// The body of a question.
    pub fn body(binding: Binding, token: String) -> Option<String> {
        serde_json::to_string(&Asked { binding, binding_token: token }).ok()
    }
}

impl Heard {
    /// Reads the answer with an HTTP status and a body.
    pub fn read(status: &str, body: &[u8]) -> Self {
        if !matches!(status, "200" | "202") {
            return Self::Unavailable(format!("the approval service answers with status {status}"));
        }
        match serde_json::from_slice(body) {
            Ok(Answer { status: Status::Pending, .. }) => Self::Pending,
            Ok(Answer { approval: Some(approval), .. }) => Self::Decided(approval),
            Ok(_) => Self::Unavailable("the approval service sends no approval".to_owned()),
            // The error would repeat what the service has sent.
            Err(_) => {
                Self::Unavailable("the answer of the approval service is not valid".to_owned())
            }
        }
    }
}
