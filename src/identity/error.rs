//! Why there is no identity.

use crate::reason::Reason;

/// Why there is no identity.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// The verified tokens cannot be read.
    #[error("the verified claims do not decode, or are nested too deeply")]
    Undecodable,
    /// Nobody is asking.
    #[error("no verified token and no verified peer certificate names a principal")]
    Missing,
    /// The principal is known, the actor is not.
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
    /// A claim that the bundle asks for is not there.
    #[error("claim `{claim}` is missing")]
    MissingClaim {
        /// Where it should be.
        claim: String,
    },
    /// A claim does not fit its declared type.
    #[error("claim `{claim}` is not {expected}")]
    IllTyped {
        /// Where it stands.
        claim: String,
        /// What it should be.
        expected: &'static str,
    },
    /// More actors than the bundle accepts.
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
    /// The reason that goes with this error.
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
