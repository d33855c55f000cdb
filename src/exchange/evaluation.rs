//! One bundle's way through a request: the state machine.

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

/// How far one bundle is with a request.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    state: State,
    /// What is known of the request, for the record of a failure.
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
    /// An evaluation that tells an observer what policies are asked.
    pub(super) fn observed(observer: Rc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..Self::default() }
    }

    /// Takes an event; `None` as long as the body is needed to decide.
    pub(super) fn step(&mut self, gate: &Gate, event: Event<'_>) -> Option<Decided> {
        let decided = self.advance(gate, event)?;
        Some(match gate.bundle.shadow {
            Some(proof) => decided.in_shadow(proof),
            None => decided,
        })
    }

    /// The refusal of a request that the gate cannot handle, with what is known about it.
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

/// A request of which nothing is known.
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
