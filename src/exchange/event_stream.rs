//! Refusals on a channel whose requests are answered on an event stream.

use super::effects::Ending;
use crate::bundle::Channel;
use crate::head::Head;
use crate::mcp::Id;
use crate::refusal::Replacement;

/// The prefix of MCP's header fields. They repeat parts of the body, or belong to later transports.
const MCP: &str = "mcp-";

/// Header fields about the bytes of the body.
const ABOUT_BYTES: [&str; 5] =
    ["content-digest", "content-md5", "digest", "repr-digest", "transfer-encoding"];

/// A channel whose requests are answered on an event stream. Callers there wait for that answer, so
/// the upstream is made to give one.
#[derive(Debug)]
pub(super) struct EventStream {
    /// The names of the header fields that describe the body.
    describing: Vec<String>,
}

impl EventStream {
    /// The event stream of a channel, if it has one.
    pub(super) fn of(channel: &Channel, head: &Head) -> Option<Self> {
        if !channel.protocol.answers_on_stream() {
            return None;
        }
        let about_bytes = ABOUT_BYTES.into_iter().filter(|name| head.has(name));
        let describing = head.names_with_prefix(MCP).into_iter().chain(about_bytes);
        Some(Self { describing: describing.map(str::to_owned).collect() })
    }

    /// The ending with a message for these ids in place of the request. It is only for a request that
    /// is complete: what is still to come of another one would follow the message.
    pub(super) fn ending(&self, ids: &[&Id], batch: bool) -> Option<Ending> {
        Replacement::of(ids, batch, &self.describing).map(Ending::Replace)
    }
}
