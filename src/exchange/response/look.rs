//! What is known of a request whose response is looked at.

use std::sync::Arc;

use super::mask::Mask;
use crate::decide::Facts;
use crate::gate::Sender;
use crate::mcp::Id;
use crate::record::Request;
use crate::refusal::Form;

/// What is known of the request.
#[derive(Debug)]
pub(in crate::exchange) struct Look {
    pub(in crate::exchange) request: Arc<Request>,
    pub(in crate::exchange) sender: Arc<Sender>,
    /// The sender as the candidate bundle knows it.
    pub(in crate::exchange) candidate: Option<Arc<Sender>>,
    pub(in crate::exchange) server: Arc<str>,
    /// The number of messages in the body.
    pub(in crate::exchange) messages: usize,
    /// The method for records, if the body has one message.
    pub(in crate::exchange) method: Option<&'static str>,
    /// The ids of the requests of the body that wait for a response.
    pub(in crate::exchange) ids: Vec<Id>,
    pub(in crate::exchange) form: Form,
    /// What is withheld of results.
    pub(in crate::exchange) mask: Mask,
}

impl Look {
    /// The facts of a call that the viewer of a list would make.
    pub(in crate::exchange) fn facts(&self) -> Facts {
        call_facts(&self.request.facts)
    }

    /// Whether the response comes on a stream that the caller opened before, so that the reply to the
    /// request has nothing that a caller needs but its status.
    pub(super) fn is_answered_elsewhere(&self) -> bool {
        self.form.streamed && self.messages > 0
    }
}

/// The facts of a call that the sender of a request would make.
pub(in crate::exchange) fn call_facts(facts: &Facts) -> Facts {
    Facts { method: "POST".to_owned(), ..facts.clone() }
}
