//! The evaluation of a request by one bundle: a state machine.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use chrono::DateTime;

use super::asking::Asking;
use super::decided::Decided;
use super::pending::{Arrived, Pending, failed, open};
use super::preflight::LONGEST_DRAINED;
use super::{Event, HeaderChange, Observer};
use crate::decide::Facts;
use crate::gate::{Gate, Sender};
use crate::mcp::{Recovery, SESSION};
use crate::memory::Slot;
use crate::record::Request;

const OUT_OF_ORDER: &str = "events of the request came out of order";

/// The progress of one bundle's evaluation of a request.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    state: State,
    /// The known fields of the request, for the record of a failure.
    request: Option<Arc<Request>>,
    /// The server's id of the session.
    session: Option<String>,
    observer: Option<Rc<dyn Observer>>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Fresh,
    Awaiting(Box<Pending>),
    /// The body is too large. It is read to its end, but not held.
    Draining(Box<Pending>, Recovery, usize),
    /// A service is asked.
    Consulting(Box<Pending>, Box<Asking>),
    /// A decision that is not carried out yet.
    Decided(Box<Pending>),
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

    /// The slots of memory to read before the end of the request.
    pub(super) fn recalls(&self) -> Cow<'_, [Slot]> {
        let (State::Awaiting(pending) | State::Decided(pending)) = &self.state else {
            return Cow::Borrowed(&[]);
        };
        pending.slots()
    }

    /// Whether it decides again after another read of memory.
    pub(super) fn can_decide_again(&self) -> bool {
        matches!(self.state, State::Decided(_))
    }

    /// The sender, once it is known.
    pub(super) fn sender(&self) -> Option<Arc<Sender>> {
        self.request.as_ref()?.sender.clone()
    }

    /// The change that gives the server its own id of the session.
    pub(super) fn session(&self) -> Option<HeaderChange> {
        let id = self.session.clone()?;
        Some(HeaderChange::Set(SESSION, id))
    }

    /// The server and the sender, once they are known.
    pub(super) fn parties(&self) -> Option<(&str, &Sender)> {
        let request = self.request.as_ref()?;
        Some((request.server.as_deref()?, request.sender.as_deref()?))
    }

    /// Whether the body is too large, so that nothing of it needs to be held.
    pub(super) fn drains(&self) -> bool {
        matches!(self.state, State::Draining(..))
    }

    fn advance(&mut self, gate: &Gate, event: Event<'_>) -> Option<Decided> {
        match (std::mem::replace(&mut self.state, State::Done), event) {
            (State::Fresh, Event::Headers(arrival)) => {
                let (request, opened) = open(gate, arrival);
                self.request = Some(Arc::clone(&request));
                match opened {
                    Ok(pending) => {
                        self.session.clone_from(&pending.session);
                        self.state = State::Awaiting(Box::new(pending));
                        None
                    }
                    Err(early) => Some(early.refuse(gate, &request)),
                }
            }
            (State::Awaiting(pending), Event::Buffered(size)) => {
                let recovery = Recovery::default();
                self.state = if size <= gate.bundle.limits.body_bytes {
                    State::Awaiting(pending)
                } else if gate.bundle.shadow.is_some() {
                    // It will be forwarded, so nothing of it may be dropped.
                    return Some(pending.too_large(gate, recovery, Arrived::Partly));
                } else {
                    State::Draining(pending, recovery, 0)
                };
                None
            }
            (
                State::Draining(pending, recovery, drained),
                Event::Buffered(_) | Event::Recalled(_),
            ) => {
                self.state = State::Draining(pending, recovery, drained);
                None
            }
            (State::Draining(pending, mut recovery, drained), Event::Drained(bytes)) => {
                recovery.push(bytes);
                let drained = drained.saturating_add(bytes.len());
                if drained > LONGEST_DRAINED {
                    return Some(pending.too_large(gate, recovery, Arrived::Partly));
                }
                self.state = State::Draining(pending, recovery, drained);
                None
            }
            (State::Draining(pending, mut recovery, _), Event::End(bytes)) => {
                recovery.push(bytes);
                Some(pending.too_large(gate, recovery, Arrived::Wholly))
            }
            (State::Awaiting(pending), Event::End(body)) => {
                let decided = pending.decide(gate, body, self.observer.as_deref());
                if let Some(asking) = decided.asked() {
                    self.state = State::Consulting(pending, Box::new(asking.clone()));
                } else if !pending.slots().is_empty() {
                    // What it remembers may have changed before it is stored.
                    self.state = State::Decided(pending);
                }
                Some(decided)
            }
            (State::Consulting(mut pending, asking), Event::Consulted(answer)) => {
                if !pending.consulted(gate, *asking, answer) {
                    return Some(self.fail(gate, OUT_OF_ORDER));
                }
                self.state = State::Awaiting(pending);
                None
            }
            (
                State::Awaiting(mut pending) | State::Decided(mut pending),
                Event::Recalled(recalled),
            ) => {
                pending.recalled = Some(Rc::clone(recalled));
                self.state = State::Awaiting(pending);
                None
            }
            (State::Awaiting(_), Event::Headers(_) | Event::Drained(_) | Event::Consulted(_))
            | (State::Draining(..), Event::Headers(_) | Event::Consulted(_))
            | (State::Fresh | State::Consulting(..) | State::Decided(_) | State::Done, _) => {
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
