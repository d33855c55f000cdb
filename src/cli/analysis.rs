//! Analyses bundles and requests: traced runs of the exchange, the lints of `toolgate check`, test
//! coverage, and proofs.

pub(in crate::cli) mod constants;
pub mod coverage;
pub(in crate::cli) mod faces;
pub(in crate::cli) mod lint;
pub(in crate::cli) mod meant;
pub(in crate::cli) mod mutate;
pub(in crate::cli) mod prove;
pub(in crate::cli) mod recalled;
pub mod run;
pub(in crate::cli) mod sample;
pub(in crate::cli) mod schema_facts;
pub(in crate::cli) mod scope;
pub(in crate::cli) mod secrets;
pub(in crate::cli) mod tool;
pub(in crate::cli) mod total_functions;
pub mod trace;
pub mod verdict;
