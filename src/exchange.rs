//! One HTTP exchange: events in, effects out.
//!
//! Headers are held until the body is decided, so of a refused request nothing reaches the
//! upstream. Whatever does not end in a permit ends in a refusal.

mod calls;
mod candidate;
mod decided;
mod effects;
mod evaluation;
mod pending;
mod preflight;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::decide::{Facts, Question};
use crate::gate::Gate;
use crate::head::Head;
use crate::header;
use crate::identity::{Evidence, Identity};

use candidate::Candidate;
use decided::Decided;
pub use effects::{Counter, DURATION, Effects, Ending, HeaderChange, OBJECT};
use evaluation::Evaluation;

/// What the edge knows when a request's headers are complete.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The header fields.
    pub head: Head,
    /// What the proxy vouches for, or why it could not tell.
    pub evidence: Result<Evidence, String>,
    /// The address of the downstream peer.
    pub source_ip: Option<IpAddr>,
    /// The time.
    pub time: DateTime<Utc>,
    /// Randomness for decision ids.
    pub entropy: u128,
}

impl Arrival {
    /// What policies and records may know of the request besides identity.
    pub fn facts(&self, environment: &Arc<str>) -> Facts {
        let field = |name: &str| self.head.one(name).ok().flatten().unwrap_or_default();
        let path = field(":path");
        Facts {
            time: self.time,
            method: field(":method").to_owned(),
            path: path.split_once('?').map_or(path, |(path, _)| path).to_owned(),
            authority: field(":authority").to_owned(),
            source_ip: self.source_ip.map(|ip| ip.to_canonical()),
            trace_id: trace_id(field("traceparent")),
            environment: Arc::clone(environment),
        }
    }
}

/// Something that happened to the request.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The headers are complete.
    Headers(&'a Arrival),
    /// So many bytes of body are buffered, and more may come.
    Buffered(usize),
    /// The request is complete; this is all of its body.
    End(&'a [u8]),
}

/// What the edge must do next.
#[derive(Debug)]
pub enum Step {
    /// Hold the request and report what comes.
    AwaitBody,
    /// Carry out what was decided.
    Done(Effects),
}

/// Sees what policies are asked. The filter has no observer.
pub trait Observer: std::fmt::Debug {
    /// Policies are about to be asked about the call in the `index`-th message of the body.
    fn asked(&self, index: usize, identity: &Identity, question: &Question<'_>);
}

/// The state of one exchange.
#[derive(Debug, Default)]
pub struct Exchange {
    evaluation: Evaluation,
    candidate: Candidate,
    /// Inbound header fields that only the gate may set.
    forged: Vec<String>,
}

impl Exchange {
    /// An exchange that tells an observer what policies are asked.
    pub fn observed(observer: Rc<dyn Observer>) -> Self {
        Self { evaluation: Evaluation::observed(observer), ..Self::default() }
    }

    /// Takes an event and tells what to do. A candidate bundle is asked once the decision is made.
    pub fn step(&mut self, gate: &Gate, event: Event<'_>) -> Step {
        if let Event::Headers(arrival) = event {
            let forged = arrival.head.names_with_prefix(header::RESERVED);
            self.forged = forged.into_iter().map(str::to_owned).collect();
        }
        let decided = self.evaluation.step(gate, event);
        if let Some(candidate) = &gate.candidate {
            self.candidate.step(candidate, event, decided.as_ref());
        }
        match decided {
            Some(decided) => Step::Done(self.finish(gate, decided)),
            None => Step::AwaitBody,
        }
    }

    /// The refusal of a request that the edge could not handle, with what is known about it.
    pub fn fail(&mut self, gate: &Gate, detail: &str) -> Effects {
        let decided = self.evaluation.fail(gate, detail);
        self.finish(gate, decided)
    }

    fn finish(&mut self, gate: &Gate, decided: Decided) -> Effects {
        let mut effects = decided.finish(gate, &self.candidate);
        let removed = self.forged.drain(..).map(HeaderChange::Remove);
        effects.headers.splice(..0, removed);
        effects
    }
}

/// The trace id of a W3C `traceparent`, `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (_version, id) = (parts.next()?, parts.next()?);
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (id.len() == 32 && id.bytes().all(hex)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
