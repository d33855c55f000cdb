//! The events of a request, as values.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::approval::{self, Accepted};
use crate::decide::Facts;
use crate::gate::ChangedTools;
use crate::head::Head;
use crate::identity::Evidence;
use crate::memory::{self, Answer, Recalled};

/// The input available when a request's headers are complete.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The header fields.
    pub head: Head,
    /// The evidence verified by the proxy, or why it is not available.
    pub evidence: Result<Evidence, String>,
    /// The address of the downstream peer.
    pub source_ip: Option<IpAddr>,
    /// The time.
    pub time: DateTime<Utc>,
    /// Randomness for decision ids.
    pub entropy: u128,
    /// The tools that differ from their pins, as all workers know them.
    pub changed: Arc<ChangedTools>,
    /// An approval that comes with the request, for edges where nobody signs.
    pub approval: Option<Accepted>,
}

impl Arrival {
    /// The facts about the request, besides identity, for policies and records.
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

/// A question to a service, for which the decision waits.
#[derive(Debug)]
pub enum Consult {
    /// To the rate limit service.
    RateLimit(memory::Query),
    /// To the approval service.
    Approval(approval::Query),
}

/// The answer of a service.
#[derive(Clone, Debug)]
pub enum Consulted {
    /// Of the rate limit service.
    RateLimit(Answer),
    /// Of the approval service.
    Approval(approval::Heard),
}

/// An event of a request.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The headers are complete.
    Headers(&'a Arrival),
    /// This many bytes of the body are buffered, and more may follow.
    Buffered(usize),
    /// These bytes were buffered, and have been dropped.
    Drained(&'a [u8]),
    /// What was asked for of memory, before the end. It comes again if the memory has changed before
    /// the effects were carried out; the end then comes again too.
    Recalled(&'a Rc<Recalled>),
    /// A service has answered what it was asked. The end then comes again.
    Consulted(&'a Consulted),
    /// The request is complete, with this body, or with the part of it that was not dropped.
    End(&'a [u8]),
}

/// The trace id of a W3C `traceparent`, `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (_version, id) = (parts.next()?, parts.next()?);
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (id.len() == 32 && id.bytes().all(hex)).then(|| id.to_owned())
}
