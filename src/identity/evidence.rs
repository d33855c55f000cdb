//! What the proxy vouches for on one request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{IdentityError, canonical, metadata};

/// What the proxy vouches for on one request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Attested {
    /// Payloads of verified tokens, by the name under which `jwt_authn` left them.
    pub tokens: BTreeMap<String, Value>,
    /// The URI SAN of the verified mTLS peer certificate.
    pub peer: Option<String>,
}

impl Attested {
    /// Whether the peer's certificate has a URI.
    pub(super) fn has_uri(&self) -> bool {
        self.peer.as_deref().is_some_and(|uri| !uri.is_empty())
    }

    /// The peer's SPIFFE id. A certificate with another URI names nobody here.
    pub(super) fn spiffe_id(&self) -> Option<&str> {
        self.peer.as_deref().filter(|uri| uri.starts_with("spiffe://"))
    }
}

/// The same as the edge has it. An agent sends many requests with one token, and to know it again
/// takes no decoding.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// As Envoy has it.
    Encoded {
        /// Dynamic metadata, an encoded `envoy.config.core.v3.Metadata`.
        metadata: Vec<u8>,
        /// The URI SAN of the verified mTLS peer certificate.
        peer: Option<String>,
    },
    /// As people write it.
    Read(Attested),
}

/// By what a sender is known again: encoded claims in one order of their members, and the peer. Two
/// that are equal decode to the same.
#[derive(Debug, Eq, Hash, PartialEq)]
pub struct SenderKey {
    claims: Vec<u8>,
    peer: Option<String>,
}

impl Evidence {
    /// What is attested.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Undecodable`]
    pub fn attested(&self) -> Result<Cow<'_, Attested>, IdentityError> {
        match self {
            Self::Encoded { metadata, peer } => {
                let tokens = metadata::verified_tokens(metadata);
                let tokens = tokens.map_err(|_| IdentityError::Undecodable)?;
                Ok(Cow::Owned(Attested { tokens, peer: peer.clone() }))
            }
            Self::Read(attested) => Ok(Cow::Borrowed(attested)),
        }
    }

    /// By what the sender is known again, if that is no longer than this.
    pub fn sender_key(&self, longest: usize) -> Option<SenderKey> {
        let Self::Encoded { metadata, peer } = self else { return None };
        let claims = canonical::namespace(metadata, metadata::JWT_AUTHN)?;
        let length = peer.as_ref().map_or(0, String::len).saturating_add(claims.len());
        (length <= longest)
            .then(|| SenderKey { claims: canonical::in_order(claims), peer: peer.clone() })
    }
}

impl From<Attested> for Evidence {
    fn from(attested: Attested) -> Self {
        Self::Read(attested)
    }
}
