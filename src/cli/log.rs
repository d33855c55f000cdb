//! Reads the decision log: parses a line to a record and rebuilds the recorded request.

pub(in crate::cli) mod approval;
pub(in crate::cli) mod arguments;
mod capability;
mod claims;
mod differences;
pub(in crate::cli) mod history;
pub(in crate::cli) mod identity;
mod line;
pub(in crate::cli) mod lines;
mod read;
mod request;
pub(in crate::cli) mod withheld;

pub(in crate::cli) use differences::{candidate_differs, differences};
pub(in crate::cli) use line::{BundleField, OpinionField, Recorded, reason_of, who};
pub(in crate::cli) use read::choose;
pub(in crate::cli) use request::{arrival, call};
