//! What bundles and requests are examined with: the exchange and its trace, the rules of `check`,
//! coverage, and proofs.

pub mod coverage;
pub(in crate::cli) mod lint;
pub(in crate::cli) mod prove;
pub(in crate::cli) mod questions;
pub mod run;
pub(in crate::cli) mod scope;
pub(in crate::cli) mod total_functions;
pub mod verdict;
