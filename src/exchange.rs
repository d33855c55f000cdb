//! One HTTP exchange: events in, steps out. The only state machine of the gate.
//!
//! Headers are held until the body is decided, so of a refused request nothing reaches the
//! upstream. Whatever does not end in a permit ends in a refusal.

mod account;
mod course;
mod messages;
mod rehearsal;
mod sender;
mod transport;

use std::net::IpAddr;
use std::rc::Rc;

use chrono::{DateTime, Utc};

use crate::bundle::Shadow;
use crate::config::Gate;
use crate::decide::{self, Facts, Permits};
use crate::head::Head;
use crate::header;
use crate::identity::Evidence;
use crate::reason::Reason;
use crate::record::Record;
use crate::refusal::{self, Refused, Reply};

use course::{Asked, Course};
use rehearsal::Rehearsal;
pub use sender::Senders;

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
    pub fn facts(&self, environment: &Rc<str>) -> Facts {
        let field = |name: &str| self.head.one(name).ok().flatten().unwrap_or_default();
        let path = field(":path");
        Facts {
            time: self.time,
            method: field(":method").to_owned(),
            path: path.split_once('?').map_or(path, |(path, _)| path).to_owned(),
            authority: field(":authority").to_owned(),
            source_ip: self.source_ip.map(|ip| ip.to_canonical()),
            trace_id: trace_id(field("traceparent")),
            environment: Rc::clone(environment),
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
    /// Let the request go to the upstream.
    Forward(Forward),
    /// Answer it here.
    Refuse(Refusal),
}

/// A request that may pass. It cannot be built without permits.
#[derive(Debug)]
pub struct Forward {
    /// The proof, one permit per message.
    pub permits: Permits,
    /// Changes to the request's headers, in this order.
    pub headers: Vec<HeaderChange>,
    /// The records of the calls; housekeeping has one only where a candidate would refuse it.
    pub records: Vec<Record>,
}

/// A change to a request's headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderChange {
    /// Remove every field of this name.
    Remove(String),
    /// Make this the only field of its name.
    Set(&'static str, String),
}

/// A request that may not pass.
#[derive(Debug)]
pub struct Refusal {
    /// What the caller gets.
    pub reply: Reply,
    /// One record per message that was decided, or one for the request.
    pub records: Vec<Record>,
}

/// The state of one exchange.
#[derive(Debug, Default)]
pub struct Exchange {
    course: Course,
    rehearsal: Rehearsal,
}

impl Exchange {
    /// The refusal of a request that the edge could not handle, with what is known about it.
    pub fn fail(&mut self, gate: &Gate, detail: &str) -> Refusal {
        self.course.fail(gate, detail)
    }

    /// Takes an event and tells what to do. The candidate bundle, if there is one, is asked the
    /// same and has no say.
    pub fn step(&mut self, gate: &Gate, event: Event<'_>) -> Step {
        let Some(candidate) = &gate.candidate else {
            return self.course.step(gate, event, Asked::ForCalls);
        };
        self.rehearsal.step(candidate, event);
        let asked = if self.rehearsal.refuses() { Asked::ForAll } else { Asked::ForCalls };
        let mut step = self.course.step(gate, event, asked);
        match &mut step {
            Step::Forward(Forward { records, .. }) | Step::Refuse(Refusal { records, .. }) => {
                self.rehearsal.annotate(records);
            }
            Step::AwaitBody => {}
        }
        step
    }
}

impl Forward {
    /// What a bundle in shadow decided, which does not count.
    fn watched(proof: Shadow, mut records: Vec<Record>) -> Self {
        records.iter_mut().for_each(Record::watch);
        let mut headers = vec![HeaderChange::Set(header::DECISION, header::decision(&records))];
        if let Some(record) = records.first().filter(|record| record.principal.is_some()) {
            let who = header::identity(record.principal.as_deref(), record.actor.as_deref());
            headers.push(HeaderChange::Set(header::IDENTITY, who));
        }
        Self { permits: decide::watched(proof).into(), headers, records }
    }
}

impl Refusal {
    /// Whether it is because the gate itself failed.
    fn is_failure(&self) -> bool {
        self.records.iter().any(|record| record.reason == Reason::Internal)
    }
}

impl Step {
    /// The same, and the upstream does not see these fields.
    fn without(mut self, forged: &[String]) -> Self {
        if let Self::Forward(forward) = &mut self {
            let removed = forged.iter().cloned().map(HeaderChange::Remove);
            forward.headers.splice(..0, removed);
        }
        self
    }
}

/// The trace id of a W3C `traceparent`, `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (_version, id) = (parts.next()?, parts.next()?);
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (id.len() == 32 && id.bytes().all(hex)).then(|| id.to_owned())
}

/// The reply to a request of which no message could be told apart.
fn unreadable(gate: &Gate, refused: &Refused<'_>) -> Reply {
    refusal::unreadable(refused, &gate.bundle.refusal)
}

#[cfg(test)]
mod tests;
