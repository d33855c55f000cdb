//! The evidence of one request: verified claims and peer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{IdentityError, canonical, metadata};

/// The verified claims and the peer of one request, decoded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Attested {
    /// Payloads of verified tokens, by the name under which `jwt_authn` stores them.
    pub tokens: BTreeMap<String, Value>,
    /// The URI SAN of the verified mTLS peer certificate.
    pub peer: Option<String>,
}

impl Attested {
    /// Whether the peer's certificate has a URI SAN.
    pub(super) fn has_uri(&self) -> bool {
        self.peer.as_deref().is_some_and(|uri| !uri.is_empty())
    }

    /// The peer's SPIFFE id; `None` for a certificate with another URI.
    pub(super) fn spiffe_id(&self) -> Option<&str> {
        self.peer.as_deref().filter(|uri| uri.starts_with("spiffe://"))
    }
}

/// The evidence as the edge receives it. An agent sends many requests with one token, so encoded
/// claims are compared without decoding.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// In Envoy's encoding.
    Encoded {
        /// Dynamic metadata, an encoded `envoy.config.core.v3.Metadata`.
        metadata: Vec<u8>,
        /// The URI SAN of the verified mTLS peer certificate.
        peer: Option<String>,
    },
    /// Decoded, from a test case or a CLI command.
    Read(Attested),
}

/// The cache key of a sender: encoded claims with sorted members, and the peer. Equal keys decode
/// to equal claims.
#[derive(Debug, Eq, Hash, PartialEq)]
pub struct SenderKey {
    claims: Vec<u8>,
    peer: Option<String>,
}

impl Evidence {
    /// Decodes the claims.
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

    /// The cache key of the sender, if it is at most `longest` bytes long.
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
