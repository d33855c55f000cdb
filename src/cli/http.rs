//! HTTP: connects to servers.

pub(in crate::cli) mod client;
