//! The evaluation of a request by one bundle: a state machine.

use std::rc::Rc;
use std::sync::Arc;

use chrono::DateTime;

use super::decided::Decided;
use super::pending::{Pending, failed, open};
use super::{Event, Observer};
use crate::decide::Facts;
use crate::gate::Gate;
use crate::record::Request;

const OUT_OF_ORDER: &str = "events of the request came out of order";

/// The progress of one bundle's evaluation of a request.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    state: State,
    /// The known fields of the request, for the record of a failure.
    request: Option<Arc<Request>>,
    observer: Option<Rc<dyn Observer>>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Fresh,
    Awaiting(Box<Pending>),
    Done,
}

impl Evaluation {
    /// An evaluation that reports its Cedar requests to an observer.
    pub(super) fn observed(observer: Rc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..Self::default() }
    }

    /// Processes an event; returns `None` while the decision needs the body.
    pub(super) fn step(&mut self, gate: &Gate, event: Event<'_>) -> Option<Decided> {
        let decided = self.advance(gate, event)?;
        Some(match gate.bundle.shadow {
            Some(proof) => decided.in_shadow(proof),
            None => decided,
        })
    }

    /// The refusal of a request that the gate cannot handle, with its known fields.
    pub(super) fn fail(&mut self, gate: &Gate, detail: &str) -> Decided {
        self.state = State::Done;
        let request = self.request.take().unwrap_or_else(|| Arc::new(unknown(gate)));
        failed(gate, &request, detail)
    }

    fn advance(&mut self, gate: &Gate, event: Event<'_>) -> Option<Decided> {
        match (std::mem::replace(&mut self.state, State::Done), event) {
            (State::Fresh, Event::Headers(arrival)) => {
                let (request, opened) = open(gate, arrival);
                self.request = Some(Arc::clone(&request));
                match opened {
                    Ok(pending) => {
                        self.state = State::Awaiting(Box::new(pending));
                        None
                    }
                    Err(early) => Some(early.refuse(gate, &request)),
                }
            }
            (State::Awaiting(pending), Event::Buffered(size)) => {
                if size > gate.bundle.limits.body_bytes {
                    return Some(pending.too_large(gate));
                }
                self.state = State::Awaiting(pending);
                None
            }
            (State::Awaiting(pending), Event::End(body)) => {
                Some(pending.decide(gate, body, self.observer.as_deref()))
            }
            (State::Awaiting(_), Event::Headers(_)) | (State::Fresh | State::Done, _) => {
                Some(self.fail(gate, OUT_OF_ORDER))
            }
        }
    }
}

/// A request without any known field.
fn unknown(gate: &Gate) -> Request {
    let facts = Facts {
        time: DateTime::UNIX_EPOCH,
        method: String::new(),
        path: String::new(),
        authority: String::new(),
        source_ip: None,
        trace_id: None,
        environment: Arc::clone(&gate.environment),
    };
    Request { facts, entropy: 0, server: None, sender: None }
}
