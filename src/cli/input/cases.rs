//! Test files: requests with their identities, and the expected outcomes.

mod expect;
mod format;
mod request;
mod suite;

pub use expect::{Expect, ExpectShadow};
pub use format::{Case, CaseFile, read};
pub(in crate::cli) use request::time;
pub use request::{Body, Call, Identity, RawRequest, Sent, Values};
pub use suite::{Suite, SuiteError};
