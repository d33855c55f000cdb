//! Feeds every reader of data from outside with what nobody would write.
//!
//! A target is a function of arbitrary bytes that panics if an invariant does not hold. The same
//! functions serve a bounded run in `cargo test` ([`mutations`]) and libFuzzer, without end.

mod bundles;
mod client;
mod mutation;
mod pieces;
mod protobuf;
mod small;
mod targets;
mod tree;
mod upstream;

pub use mutation::mutations;
pub use targets::{TARGETS, Target};
