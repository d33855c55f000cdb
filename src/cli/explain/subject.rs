//! The request to explain.

use crate::cli::input::cases::Preceding;
use crate::cli::log::Recorded;
use crate::exchange::Arrival;

/// A request, a recorded decision, or both.
#[derive(Debug)]
pub(super) struct Subject {
    /// The request with its body; `None` if the record is not complete enough to decide it again.
    pub(super) request: Option<(Arrival, Vec<u8>)>,
    /// The requests before it that the case has, the earliest first.
    pub(super) earlier: Vec<Preceding>,
    /// The record that the request was rebuilt from.
    pub(super) recorded: Option<Recorded>,
    /// Whether the record withholds something that the decision is based on.
    pub(super) withholds: bool,
    /// Whether the withheld values could change the decision.
    pub(super) may_differ: bool,
    /// Notes for the reader.
    pub(super) notes: Vec<String>,
}
