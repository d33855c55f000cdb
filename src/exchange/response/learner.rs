//! What the response to calls changes of what is remembered. It passes as it is, read or not.

use super::step::ResponseEvent;
use super::{Kind, is_encoded};
use crate::bundle::Limits;
use crate::gate::Gate;
use crate::head::Head;
use crate::json::{self, Object, Value};
use crate::mcp::{Id, NewTask};
use crate::memory::{Lesson, Lessons};
use crate::sse::{Data, Splitter};

/// What the response to a request can change, and the id of the request if it has one.
pub(in crate::exchange) type Learning = (Option<Id>, Lessons);

/// A response that is read beside its way to the caller.
#[derive(Debug)]
pub(in crate::exchange) struct Learner {
    /// The calls that have no response yet, and what the response to each changes; without an id, what
    /// any response on a resumed stream changes.
    lessons: Vec<Learning>,
    /// What is to be changed.
    learned: Vec<Lesson>,
    state: State,
}

#[derive(Debug)]
enum State {
    Fresh,
    /// A JSON body, as far as it has arrived, and its `content-length` if there is one.
    Json(Vec<u8>, Option<usize>),
    Stream(Splitter),
    /// Nothing is read any more.
    Done,
}

impl Learner {
    /// The reader of the response to requests, if its messages can change something.
    pub(in crate::exchange) fn of(lessons: &[Learning]) -> Option<Self> {
        let lessons = lessons.iter().filter(|(_, lessons)| lessons.need_body());
        let lessons: Vec<_> = lessons.cloned().collect();
        let reader = Self { lessons, learned: Vec::new(), state: State::Fresh };
        (!reader.lessons.is_empty()).then_some(reader)
    }

    /// Whether the next events can change something.
    pub(in crate::exchange) fn reads(&self) -> bool {
        !matches!(self.state, State::Done)
    }

    /// What is to be changed, since this was asked last.
    pub(in crate::exchange) fn learned(&mut self) -> Vec<Lesson> {
        std::mem::take(&mut self.learned)
    }

    /// Reads the next part of the response. What cannot be read changes nothing.
    pub(in crate::exchange) fn step(&mut self, gate: &Gate, event: ResponseEvent<'_>) {
        let limits = gate.bundle.limits;
        let state = std::mem::replace(&mut self.state, State::Done);
        let state = match (state, event) {
            (State::Fresh, ResponseEvent::Headers(head, false, _)) => State::of(head),
            (State::Json(mut held, length), ResponseEvent::Body(bytes, end, _)) => {
                if held.len().saturating_add(bytes.len()) > limits.response_bytes {
                    State::Done
                } else {
                    held.extend_from_slice(bytes);
                    // The caller has the whole body with its last byte, even if the end is told later.
                    let is_whole = end || length == Some(held.len());
                    if is_whole { self.whole(&held, limits) } else { State::Json(held, length) }
                }
            }
            (State::Stream(splitter), ResponseEvent::Body(bytes, _, _)) => {
                self.events(splitter, bytes, limits)
            }
            _ => State::Done,
        };
        self.state = if self.lessons.is_empty() { State::Done } else { state };
    }

    fn whole(&mut self, body: &[u8], limits: Limits) -> State {
        self.message(body, limits);
        State::Done
    }

    fn events(&mut self, mut splitter: Splitter, bytes: &[u8], limits: Limits) -> State {
        for event in splitter.push(bytes) {
            // One with another name is no message.
            if let Some(Data::Message(message)) = event.data() {
                self.message(message.as_bytes(), limits);
            }
        }
        if splitter.held() > limits.response_bytes { State::Done } else { State::Stream(splitter) }
    }

    /// A message, or a batch of them: the first response to a call is the one that counts.
    fn message(&mut self, bytes: &[u8], limits: Limits) {
        let read = json::read_body(bytes, limits.depth, limits.response_values());
        let Ok(message) = read else { return };
        let messages = match &message {
            Value::Array(messages) => messages.as_slice(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)
            | Value::Raw(_) => std::slice::from_ref(&message),
        };
        for message in messages.iter().filter_map(Value::as_object) {
            let Some(id) = message.get("id").and_then(Id::of).filter(|_| is_response(message))
            else {
                continue;
            };
            let is_of = |of: &Option<Id>| of.as_ref().is_none_or(|of| *of == id);
            for (_, lessons) in self.lessons.iter().filter(|(of, _)| is_of(of)) {
                if is_success(message) {
                    self.learned.extend_from_slice(lessons.of_success());
                }
                let task = NewTask::of(message);
                self.learned.extend(task.and_then(|task| lessons.of_task(task.id, task.ttl)));
            }
            self.lessons.retain(|(of, _)| of.as_ref() != Some(&id));
        }
    }
}

impl State {
    fn of(head: &Head) -> Self {
        let succeeded =
            head.one(":status").is_ok_and(|it| it.is_some_and(|it| it.starts_with('2')));
        match Kind::of(head) {
            _ if is_encoded(head) || !succeeded => Self::Done,
            Kind::Json => {
                let length = head.one("content-length").ok().flatten();
                Self::Json(Vec::new(), length.and_then(|length| length.parse().ok()))
            }
            Kind::Stream => Self::Stream(Splitter::default()),
            Kind::Other => Self::Done,
        }
    }
}

/// Whether a message answers a request.
fn is_response(message: &Object<'_>) -> bool {
    message.get("method").is_none()
        && ["result", "error"].iter().any(|name| message.get(name).is_some())
}

/// Whether a response is the final result of a call, and the call did not fail. A task, or a demand for
/// input, is a promise of one.
fn is_success(message: &Object<'_>) -> bool {
    let Some(result) = message.get("result").and_then(Value::as_object) else { return false };
    let is_final = match result.get("resultType") {
        None => true,
        Some(kind) => kind.as_str() == Some("complete"),
    };
    let is_error = result.get("isError").is_some_and(|it| !matches!(it, Value::Bool(false)));
    is_final && !is_error && result.get("task").is_none() && message.get("error").is_none()
}
