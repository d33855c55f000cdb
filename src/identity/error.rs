//! Errors of identification.

use std::fmt;

use super::CapabilityError;
use crate::reason::Reason;

/// The evidence that can name a principal.
#[derive(Debug, Eq, PartialEq)]
pub struct Wanted {
    /// The names of tokens.
    pub tokens: Vec<String>,
    /// Whether a peer certificate can, too.
    pub peer: bool,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.tokens.iter().map(|name| format!("`{name}`")).collect();
        match (names.is_empty(), self.peer) {
            (true, _) => f.write_str("peer certificate"),
            (false, false) => write!(f, "token under {}", names.join(" or ")),
            (false, true) => {
                write!(f, "token under {}, and no verified peer certificate", names.join(" or "))
            }
        }
    }
}

/// Why a request has no identity.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// The verified claims cannot be decoded.
    #[error("the verified claims do not decode, or are nested too deeply")]
    Undecodable,
    /// No evidence names a principal.
    #[error("no verified {0}")]
    Missing(Wanted),
    /// There is a principal but no actor.
    #[error("no verified claim and no verified peer certificate names an actor")]
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
    /// No mapping is for the token's issuer.
    #[error("the token `{token}` has an issuer that the bundle does not map")]
    UnknownIssuer {
        /// The token's name.
        token: String,
    },
    /// A claim has none of the values that the bundle requires.
    #[error("claim `{claim}` has none of the values that the bundle requires")]
    OtherValue {
        /// The path of the claim.
        claim: String,
    },
    /// The token has a claim of `refuse_if`.
    #[error("the bundle refuses tokens with the claim `{claim}`")]
    RefusedClaim {
        /// The path of the claim.
        claim: String,
    },
    /// The token's `may_act` does not name the current actor.
    #[error("the `may_act` claim does not name the actor")]
    MayNotAct,
    /// The peer certificate does not have exactly one URI.
    #[error("the peer certificate has {count} URIs, and one SPIFFE id names a workload")]
    NotOneUri {
        /// How many it has.
        count: usize,
    },
    /// The only URI of the peer certificate names no workload.
    #[error("the URI of the peer certificate is not a SPIFFE id")]
    NoSpiffeId,
    /// The proxy does not tell which URIs the peer certificate has.
    #[error("the proxy does not tell all URIs of the peer certificate")]
    UntoldUris,
    /// A proxy in front does not tell which certificate its client has.
    #[error("the header `x-forwarded-client-cert` does not describe exactly one certificate")]
    Forwarded,
    /// A token that limits calls is not accepted.
    #[error("the capability `{token}` is not accepted: {error}")]
    Capability {
        /// The token's name.
        token: String,
        /// Why.
        error: CapabilityError,
    },
    /// Two pieces of evidence that must agree name different actors.
    #[error("{one} and {other} name different actors")]
    ActorMismatch {
        /// One of them.
        one: String,
        /// The other one.
        other: String,
    },
}

impl IdentityError {
    /// The reason for this error in records.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Undecodable => Reason::Internal,
            Self::Missing(_) | Self::NoActor => Reason::Unauthenticated,
            Self::MissingClaim { .. }
            | Self::IllTyped { .. }
            | Self::ChainTooLong { .. }
            | Self::UnknownIssuer { .. }
            | Self::OtherValue { .. }
            | Self::RefusedClaim { .. }
            | Self::NotOneUri { .. }
            | Self::NoSpiffeId
            | Self::UntoldUris
            | Self::Forwarded => Reason::InvalidIdentity,
            Self::Capability { error, .. } => error.reason(),
            Self::Ambiguous { .. } | Self::ActorMismatch { .. } | Self::MayNotAct => {
                Reason::IdentityMismatch
            }
        }
    }
}
