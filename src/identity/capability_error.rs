//! Why a capability is not accepted.

use crate::reason::Reason;

/// Why a capability is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CapabilityError {
    /// The proxy did not verify it.
    #[error("the proxy did not verify it: {0}")]
    Unverified(String),
    /// A claim of it is missing or does not have its form.
    #[error("{0}")]
    Malformed(String),
    /// It comes several times.
    #[error("its header is repeated")]
    Repeated,
    /// Its time is over.
    #[error("its time is over")]
    Expired,
    /// Its time has not begun.
    #[error("its time has not begun")]
    NotYetValid,
    /// It is for another service.
    #[error("it is for another audience")]
    Audience,
    /// It is about another principal.
    #[error("it is about another principal")]
    Subject,
    /// It is for another agent.
    #[error("it is for another actor")]
    Actor,
    /// It is about another tenant.
    #[error("it is about another tenant")]
    Tenant,
    /// It is for another transaction.
    #[error("it is for another transaction")]
    Transaction,
}

impl CapabilityError {
    /// The reason for this error in records.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Unverified(_) => Reason::CapabilityUnverified,
            Self::Malformed(_) => Reason::CapabilityMalformed,
            Self::Repeated => Reason::CapabilityRepeated,
            Self::Expired => Reason::CapabilityExpired,
            Self::NotYetValid => Reason::CapabilityNotYetValid,
            Self::Audience => Reason::CapabilityAudience,
            Self::Subject => Reason::CapabilitySubject,
            Self::Actor => Reason::CapabilityActor,
            Self::Tenant => Reason::CapabilityTenant,
            Self::Transaction => Reason::CapabilityTransaction,
        }
    }
}
