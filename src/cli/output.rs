//! Terminal output: results, problems with their locations, progress, and the exit code.

pub(in crate::cli) mod destination;
pub(in crate::cli) mod escape;
pub mod exit;
pub(in crate::cli) mod fuzzy_match;
pub mod report;
pub mod source;
pub(in crate::cli) mod yaml_flow;
