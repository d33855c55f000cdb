//! What happens to a request, as values.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::decide::Facts;
use crate::head::Head;
use crate::identity::Evidence;

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

/// The trace id of a W3C `traceparent`, `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (_version, id) = (parts.next()?, parts.next()?);
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (id.len() == 32 && id.bytes().all(hex)).then(|| id.to_owned())
}
