//! Policy tests: requests by known people and agents, and what must come of each.
//!
//! Every case runs through the same [`Exchange`](crate::exchange::Exchange) as in the filter, three
//! times: with the body whole, growing by one byte, and growing by seven.

mod expect;
mod format;
mod request;
mod run;
mod suite;

pub use expect::{Expect, ExpectShadow, Mismatch};
pub use format::{Case, CaseFile, Identity, read};
pub(super) use request::time;
pub use request::{Body, Call, RawRequest, Sent, Values};
pub use run::{Opinion, Outcome, decide, run};
pub use suite::{Asked, Suite, SuiteError, Verdict};
