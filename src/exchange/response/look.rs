//! What is known of a request whose response is looked at.

use std::sync::Arc;

use super::mask::Mask;
use crate::decide::Facts;
use crate::exchange::effects::HeaderChange;
use crate::gate::Sender;
use crate::json::{Object, Value};
use crate::mcp::Id;
use crate::memory::{Lesson, Lessons};
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
    /// What the responses to calls can change of what is remembered.
    pub(in crate::exchange) lessons: Vec<(Id, Lessons)>,
    /// What is withheld of results.
    pub(in crate::exchange) mask: Mask,
}

impl Look {
    /// The header changes without which the upstream could answer in an encoding that is not read.
    pub(in crate::exchange) fn request_headers() -> [HeaderChange; 1] {
        [HeaderChange::Set("accept-encoding", "identity".to_owned())]
    }

    /// The facts of a call that the viewer of a list would make.
    pub(in crate::exchange) fn facts(&self) -> Facts {
        call_facts(&self.request.facts)
    }

    /// What a message of the response changes of what is remembered: each call succeeds once.
    pub(super) fn learned(&mut self, message: &Value<'_>) -> Vec<Lesson> {
        if self.lessons.is_empty() {
            return Vec::new();
        }
        let messages = match message {
            Value::Array(messages) => messages.as_slice(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)
            | Value::Raw(_) => std::slice::from_ref(message),
        };
        let succeeded = messages.iter().filter_map(Value::as_object).filter(|it| is_success(it));
        let ids: Vec<Id> = succeeded.filter_map(|message| Id::of(message.get("id")?)).collect();
        let (learned, left) =
            std::mem::take(&mut self.lessons).into_iter().partition(|(id, _)| ids.contains(id));
        self.lessons = left;
        let learned: Vec<(Id, Lessons)> = learned;
        learned.iter().flat_map(|(_, lessons)| lessons.of_success().to_vec()).collect()
    }

    /// Whether the response comes on a stream that the caller opened before, so that the reply to the
    /// request has nothing that a caller needs but its status.
    pub(super) fn is_answered_elsewhere(&self) -> bool {
        self.form.streamed && self.messages > 0
    }
}

/// Whether a message is the result of a call that did not fail.
fn is_success(message: &Object<'_>) -> bool {
    let result = message.get("result").and_then(Value::as_object);
    result.is_some_and(|result| !matches!(result.get("isError"), Some(Value::Bool(true))))
}

/// The facts of a call that the sender of a request would make.
pub(in crate::exchange) fn call_facts(facts: &Facts) -> Facts {
    Facts { method: "POST".to_owned(), ..facts.clone() }
}
