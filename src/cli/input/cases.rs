//! Test files: requests with their identities, and the expected outcomes.

mod approved;
mod call;
mod earlier;
mod expect;
mod format;
mod request;
mod suite;

pub use approved::ApprovedBy;
pub use call::{Call, Called};
pub use earlier::{Earlier, Preceding};
pub use expect::{Expect, ExpectShadow};
pub use format::{Case, CaseFile, read};
pub(in crate::cli) use request::time;
pub(in crate::cli) use request::uris;
pub use request::{Body, Identity, RawRequest, Sent, Values};
pub use suite::{Suite, SuiteError};
