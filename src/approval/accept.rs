//! Whether an approval is for a call.

use std::fmt::Display;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{APPROVAL, Approval, Binding, REQUEST, Request, Ruling};
use crate::jose::{self, Signer};
use crate::key::PublicKey;
use crate::reason::Reason;

/// How many seconds the clocks of a gate and an approval service may differ.
const LEEWAY: i64 = 30;

/// An approval whose signatures were verified: that of the service, here or by the proxy, and that of
/// the gate on the request in it.
#[derive(Clone, Debug)]
pub struct Signed {
    approval: Approval,
    request: Request,
}

/// An approval or a denial that fits a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// The id of the approval.
    pub id: String,
    /// The id of the request, which is used up.
    pub nonce: String,
    /// What the approver decided.
    pub ruling: Ruling,
    /// The verified claims of the approver.
    pub approver: Map<String, Value>,
    /// What the approver said.
    pub reason: Option<String>,
    /// When the approver decided, in seconds since the epoch.
    pub at: i64,
}

/// Why an approval is not accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unaccepted {
    /// The reason.
    pub reason: Reason,
    /// The problem, for the record.
    pub detail: String,
}

impl Unaccepted {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Verifies the signatures on an approval.
///
/// # Errors
///
/// [`Reason::ApprovalUnverified`]
pub fn verified(jws: &str, keys: &[PublicKey], signer: &Signer) -> Result<Signed, Unaccepted> {
    let approval: Approval =
        jose::verify(APPROVAL, jws, keys).map_err(|error| unverified("the approval", error))?;
    Signed::by(approval, signer)
}

/// The approval with claims that the proxy has verified. Verifies the gate's signature on the request in
/// it.
///
/// # Errors
///
/// [`Reason::ApprovalUnverified`]
pub fn verified_by_proxy(claims: &Value, signer: &Signer) -> Result<Signed, Unaccepted> {
    let approval =
        Approval::deserialize(claims).map_err(|error| unverified("the approval", error))?;
    Signed::by(approval, signer)
}

fn unverified(what: &str, error: impl Display) -> Unaccepted {
    Unaccepted::new(Reason::ApprovalUnverified, format!("{what}: {error}"))
}

impl Signed {
    fn by(approval: Approval, signer: &Signer) -> Result<Self, Unaccepted> {
        let request = signer.verify(REQUEST, &approval.request);
        let request = request.map_err(|error| unverified("the request in the approval", error))?;
        Ok(Self { approval, request })
    }

    /// The id of the request, which an approval uses up.
    pub fn nonce(&self) -> &str {
        &self.request.jti
    }

    /// Whether the approval is for a call with this binding, which came at a time in seconds since the
    /// epoch, and was held until another one at the latest.
    ///
    /// # Errors
    ///
    /// [`Reason::ApprovalMismatch`] and [`Reason::ApprovalExpired`].
    pub fn accept(
        &self,
        (gate, service): (&str, &str),
        binding: &Binding,
        (now, latest): (i64, i64),
    ) -> Result<Accepted, Unaccepted> {
        let Self { approval, request } = self;
        let parties = [&approval.iss, &approval.aud, &request.iss, &request.aud];
        if parties != [service, gate, gate, service] {
            let detail = "it is between another gate and another approval service";
            return Err(Unaccepted::new(Reason::ApprovalMismatch, detail));
        }
        if let Some(what) = request.binding.difference(binding) {
            let detail = format!("it is for another {what}");
            return Err(Unaccepted::new(Reason::ApprovalMismatch, detail));
        }
        if now >= approval.exp.min(request.exp) {
            return Err(Unaccepted::new(Reason::ApprovalExpired, "its time is over"));
        }
        if latest.saturating_add(LEEWAY) < approval.iat.max(request.iat) {
            return Err(Unaccepted::new(Reason::ApprovalExpired, "its time has not begun"));
        }
        Ok(Accepted {
            id: approval.jti.clone(),
            nonce: request.jti.clone(),
            ruling: approval.decision,
            approver: approval.approver.clone(),
            reason: approval.reason.clone(),
            at: approval.iat,
        })
    }
}
