//! The request to explain.

use crate::cli::log::Recorded;
use crate::exchange::Arrival;

/// A request, a recorded decision, or both.
#[derive(Debug)]
pub(super) struct Subject {
    /// The request with its body; `None` when the record does not hold enough to decide it again.
    pub(super) request: Option<(Arrival, Vec<u8>)>,
    /// The record that the request was made from.
    pub(super) recorded: Option<Recorded>,
    /// Whether the record withholds something that the call is decided from.
    pub(super) withholds: bool,
    /// Whether the decision could be another one with what the record withholds.
    pub(super) may_differ: bool,
    /// What the reader must know about it.
    pub(super) notes: Vec<String>,
}
