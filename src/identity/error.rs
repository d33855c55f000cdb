//! Errors of identification.

use crate::reason::Reason;

/// Why a request has no identity.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// The verified claims cannot be decoded.
    #[error("the verified claims do not decode, or are nested too deeply")]
    Undecodable,
    /// No evidence names a principal.
    #[error("no verified token and no verified peer certificate names a principal")]
    Missing,
    /// There is a principal but no actor.
    #[error("neither an `act` claim nor a verified peer certificate names an actor")]
    NoActor,
    /// More than one token names a principal.
    #[error(
        "the request carries the tokens `{first}` and `{second}`, and only one may name the principal"
    )]
    Ambiguous {
        /// One of the tokens' names.
        first: String,
        /// The other one's.
        second: String,
    },
    /// A claim required by the bundle is missing.
    #[error("claim `{claim}` is missing")]
    MissingClaim {
        /// The path of the claim.
        claim: String,
    },
    /// A claim does not have its declared type.
    #[error("claim `{claim}` is not {expected}")]
    IllTyped {
        /// The path of the claim.
        claim: String,
        /// The expected type.
        expected: &'static str,
    },
    /// The delegation has more actors than the bundle allows.
    #[error("the delegation chain is longer than {max}")]
    ChainTooLong {
        /// The bundle's limit.
        max: u16,
    },
    /// The token's actor is not the mTLS peer.
    #[error("the `act` claim and the peer certificate name different actors")]
    ActorMismatch,
}

impl IdentityError {
    /// The reason for this error in records.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Undecodable => Reason::Internal,
            Self::Missing | Self::NoActor => Reason::Unauthenticated,
            Self::MissingClaim { .. } | Self::IllTyped { .. } | Self::ChainTooLong { .. } => {
                Reason::InvalidIdentity
            }
            Self::Ambiguous { .. } | Self::ActorMismatch => Reason::IdentityMismatch,
        }
    }
}
