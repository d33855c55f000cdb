//! What the stream context does about a response that is looked at.

use log::error;
use proxy_wasm::types::Action;

use super::{Settled, Stream};
use crate::exchange::{HeaderChange, ResponseEvent, ResponseStep};
use crate::filter::host;
use crate::filter::memory::{arrive, learn};

impl Stream {
    pub(super) fn looks_at_response(&self) -> bool {
        self.settled == Some(Settled::Forwarded) && self.exchange.looks_at_response()
    }

    pub(super) fn end_response(&mut self) -> Action {
        match host::changed_tools() {
            Ok(changed) => self.respond(ResponseEvent::Body(&[], true, &changed), 0),
            Err(failure) => Self::withhold(&failure),
        }
    }

    /// Gives back what a call has reserved that its server did not get.
    pub(super) fn give_back(&mut self) -> Result<(), String> {
        let Some(gate) = &self.gate else { return Ok(()) };
        if !self.exchange.awaits_answer() || !host::is_unsent()? {
            return Ok(());
        }
        learn(gate, self.exchange.unanswered().iter())
    }

    /// Attaches the labels of data before it reaches the caller: a label can have been cleared since
    /// the call was forwarded.
    pub(super) fn attach(&mut self) -> Result<(), String> {
        let Some(gate) = &self.gate else { return Ok(()) };
        arrive(gate, self.exchange.arriving(), &mut self.attached)
    }

    /// Reports an event of the response, and puts what is sent in place of `size` bytes.
    pub(super) fn respond(&mut self, event: ResponseEvent<'_>, size: usize) -> Action {
        let Some(gate) = self.gate.clone() else { return Action::Pause };
        let step = self.exchange.respond(&gate, event);
        let learned = self.exchange.learned();
        if let Err(failure) = learn(&gate, learned.iter()) {
            return Self::withhold(&failure);
        }
        match step {
            ResponseStep::Pass => Action::Continue,
            ResponseStep::Hold => match host::replace_response_body(size, &[]) {
                Ok(()) => Action::Pause,
                Err(failure) => Self::withhold(&failure),
            },
            ResponseStep::Send { headers, body, evidence } => {
                if let Some(evidence) = evidence {
                    let told = host::share(evidence.changes(), &gate.bundle)
                        .and_then(|()| host::publish(&evidence.filter_state()));
                    if let Err(failure) = told {
                        return Self::withhold(&failure);
                    }
                    evidence.counters().for_each(|counter| self.stats.count(counter.clone()));
                }
                let sent = host::change_response_headers(&headers)
                    .and_then(|()| self.replace_response_body(size, &body));
                match sent {
                    Ok(()) => Action::Continue,
                    Err(failure) => Self::withhold(&failure),
                }
            }
        }
    }

    /// Trailers can follow the headers at once. Envoy then has no buffer for a body, and the host call
    /// would trap.
    fn replace_response_body(&self, size: usize, body: &[u8]) -> Result<(), String> {
        if self.has_body || body.is_empty() {
            return host::replace_response_body(size, body);
        }
        host::change_response_headers(&[HeaderChange::Set("content-length", "0".to_owned())])
    }

    /// Holds a response back that cannot be looked at, until the stream times out or is closed.
    pub(super) fn withhold(failure: &str) -> Action {
        error!("a response is held back: {failure}");
        Action::Pause
    }
}
