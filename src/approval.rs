//! Approval by a person, bound to the exact call.
//!
//! A call that only policies with `@escalate` forbid is put to a person: the gate signs a
//! [`Request`], an approval service shows it to approvers and signs an [`Approval`] that contains it,
//! and the gate accepts that for this call, once. The gate stores nothing while a person thinks.
//!
#![doc = include_str!("approval.md")]

mod accept;
mod binding;
mod challenge;
mod claims;
mod query;
mod settings;

pub use accept::{Accepted, Signed, Unaccepted, verified, verified_by_proxy};
pub use binding::{Action, Binding, BoundContext, Entity};
pub use challenge::{Challenge, Form};
pub use claims::{Answer, Approval, Asked, Details, Request, Ruling, Status};
pub use query::{Heard, Hold, Query};
pub use settings::{ApprovalSettings, LONGEST_VALID, ServiceUrl};

/// `typ` of a [`Request`].
pub const REQUEST: &str = "toolgate-approval-request+jwt";

/// `typ` of an [`Approval`].
pub const APPROVAL: &str = "toolgate-approval+jwt";

/// The longest signed [`Request`], in bytes: an approval contains it, together with claims and a reason,
/// and must not become longer than what gates read.
pub const LONGEST_REQUEST: usize = 18_000;

/// The request header with an [`Approval`].
pub const HEADER: &str = "toolgate-approval";
