//! Examines bundles and requests: runs of the exchange with a trace, the rules of `toolgate check`,
//! coverage of test cases, and proofs.

pub mod coverage;
pub(in crate::cli) mod lint;
pub(in crate::cli) mod prove;
pub mod run;
pub(in crate::cli) mod scope;
pub(in crate::cli) mod tool;
pub(in crate::cli) mod total_functions;
pub mod trace;
pub mod verdict;
