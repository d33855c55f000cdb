//! The approval of a case.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::request::Identity;
use crate::approval::{Accepted, Ruling};
use crate::bundle::Bundle;

/// Who has approved the call of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovedBy {
    /// The approver, one of the file's identities.
    pub by: String,
    /// What the approver said.
    #[serde(default)]
    pub reason: Option<String>,
    /// The identity of the approver.
    #[serde(skip)]
    pub(super) approver: Identity,
}

impl ApprovedBy {
    /// The approval, as if it had come with the right signatures.
    pub(super) fn accepted(&self, bundle: &Bundle, time: DateTime<Utc>) -> Option<Accepted> {
        let claims = self.approver.tokens.get(&bundle.approvals.as_ref()?.token)?;
        Some(Accepted {
            id: "case".to_owned(),
            nonce: "case".to_owned(),
            ruling: Ruling::Approved,
            approver: claims.as_object()?.clone(),
            reason: self.reason.clone(),
            at: time.timestamp(),
        })
    }
}
