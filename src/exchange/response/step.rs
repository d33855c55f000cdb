//! What an edge reports of a response, and what it does with it.

use super::room::Room;
use super::trail::Evidence;
use crate::exchange::effects::HeaderChange;
use crate::gate::ChangedTools;
use crate::head::Head;

/// An event of a response.
#[derive(Clone, Copy, Debug)]
pub enum ResponseEvent<'a> {
    /// The headers are complete, no body follows if this is true, and what goes back through Envoy's
    /// buffer must fit into this.
    Headers(&'a Head, bool, Room),
    /// The next part of the body, whether it is the last one, and the tools that differ from their
    /// pins, as all workers know them.
    Body(&'a [u8], bool, &'a ChangedTools),
}

/// The next step for the edge.
#[derive(Debug)]
pub enum ResponseStep {
    /// Pass this as it is. The exchange says whether it looks at the rest.
    Pass,
    /// Hold the headers. The part of the body that was reported is dropped.
    Hold,
    /// Change the headers if they are still held, and pass these bytes in place of the part of the
    /// body that was reported.
    Send {
        /// The changes, in this order.
        headers: Vec<HeaderChange>,
        /// The bytes.
        body: Vec<u8>,
        /// What is to be published and counted first.
        evidence: Option<Evidence>,
    },
}
