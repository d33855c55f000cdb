//! The error for a body that cannot be decided.

use super::Id;
use crate::reason::Reason;

/// Why no message of a body can be decided.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct MessageError {
    /// The reason for the record and for the refusal's status.
    pub reason: Reason,
    /// The description, safe to show to the caller.
    pub message: String,
    /// The id of the request, if it could be parsed.
    pub id: Option<Id>,
}

impl MessageError {
    pub(crate) fn new(reason: Reason, message: String) -> Self {
        Self { reason, message, id: None }
    }

    pub(super) fn with_id(mut self, id: Option<&Id>) -> Self {
        self.id = id.cloned();
        self
    }
}

pub(super) fn malformed(message: &str) -> MessageError {
    MessageError::new(Reason::MalformedMessage, message.to_owned())
}
