//! An approval that came with a request.

use super::Arrival;
use crate::approval::{self, Accepted, Signed, Unaccepted};
use crate::gate::Gate;
use crate::memory::{self, Slot};
use crate::reason::Reason;

/// An approval that came with a request, or that the approval service has given.
#[derive(Debug)]
pub(super) enum Presented {
    /// The signatures were verified.
    Signed(Box<Signed>, memory::Approval),
    /// Nobody may use it.
    Unaccepted(Unaccepted),
    /// It comes from an edge where nobody signs, and is used once.
    Given(Accepted),
}

impl Presented {
    /// The approval that comes with a request.
    pub(super) fn by(gate: &Gate, arrival: &Arrival) -> Option<Self> {
        let approvals = gate.bundle.approvals.as_ref()?;
        if let Some(given) = &arrival.approval {
            return Some(Self::Given(given.clone()));
        }
        match arrival.head.one(approval::HEADER) {
            Ok(None) => None,
            Ok(Some(jws)) => match approvals.settings.verified_under() {
                Some((provider, failure)) => {
                    Self::verified_by_proxy(gate, arrival, (provider, &failure))
                }
                None => Self::signed(gate, jws),
            },
            Err(error) => Some(Self::unverified(format!("the approval: {error}"))),
        }
    }

    /// A signed approval.
    pub(super) fn signed(gate: &Gate, jws: &str) -> Option<Self> {
        let approvals = gate.bundle.approvals.as_ref()?;
        // A candidate has no keys, and nobody is asked for it.
        let own = gate.signer.as_ref()?;
        Some(Self::of(gate, approval::verified(jws, &approvals.keys, own)))
    }

    /// An approval that the proxy has verified.
    fn verified_by_proxy(
        gate: &Gate,
        arrival: &Arrival,
        (provider, failure): (&str, &str),
    ) -> Option<Self> {
        let own = gate.signer.as_ref()?;
        let attested = arrival.evidence.as_ref().ok().and_then(|it| it.attested().ok());
        let token = |name: &str| attested.as_ref().and_then(|attested| attested.tokens.get(name));
        let Some(claims) = token(provider) else {
            let why = token(failure).and_then(|status| status.get("message")?.as_str());
            let why = why.unwrap_or("the proxy has not verified it");
            let detail = format!("the approval: {why}");
            return Some(Self::Unaccepted(Unaccepted { reason: reason_of_failure(why), detail }));
        };
        Some(Self::of(gate, approval::verified_by_proxy(claims, own)))
    }

    fn of(gate: &Gate, verified: Result<Signed, Unaccepted>) -> Self {
        match verified {
            Ok(signed) => {
                let once = memory::Approval::of(signed.nonce(), &gate.secret);
                Self::Signed(Box::new(signed), once)
            }
            Err(unaccepted) => Self::Unaccepted(unaccepted),
        }
    }

    /// Where it is remembered that it is used.
    pub(super) fn slot(&self) -> Option<Slot> {
        if let Self::Signed(_, once) = self { Some(once.slot()) } else { None }
    }

    fn unverified(detail: String) -> Self {
        Self::Unaccepted(Unaccepted { reason: Reason::ApprovalUnverified, detail })
    }
}

/// The reason for a failure, as `jwt_authn` tells it.
fn reason_of_failure(message: &str) -> Reason {
    match message {
        "Jwt is expired" | "Jwt not yet valid" => Reason::ApprovalExpired,
        "Audiences in Jwt are not allowed" => Reason::ApprovalMismatch,
        _ => Reason::ApprovalUnverified,
    }
}
