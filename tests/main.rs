//! All integration tests, in one binary.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

mod cases;
mod cedar;
mod check;
mod circles;
mod cli;
mod json;
mod mcp;
mod tidy;
mod wasm;
