//! The error for a body that cannot be decided.

use crate::reason::Reason;

/// Why no message of a body can be decided.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct MessageError {
    /// The reason for the record and for the refusal's status.
    pub reason: Reason,
    /// The description, safe to show to the caller.
    pub message: String,
    /// The protocol revision that was asked for, if it is not supported.
    pub requested: Option<String>,
}

impl MessageError {
    pub(crate) fn new(reason: Reason, message: String) -> Self {
        Self { reason, message, requested: None }
    }
}

pub(super) fn malformed(message: &str) -> MessageError {
    MessageError::new(Reason::MalformedMessage, message.to_owned())
}
