//! The evidence of one request: verified claims and peer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Certificate, IdentityError, canonical, metadata};

/// The verified claims and the peer of one request, decoded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Attested {
    /// Payloads of verified tokens, by the name under which `jwt_authn` stores them.
    pub tokens: BTreeMap<String, Value>,
    /// The verified mTLS peer certificate.
    pub peer: Option<Certificate>,
}

/// The evidence as the edge receives it. An agent sends many requests with one token, so encoded
/// claims are compared without decoding.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// In Envoy's encoding.
    Encoded {
        /// Dynamic metadata, an encoded `envoy.config.core.v3.Metadata`.
        metadata: Vec<u8>,
        /// The verified mTLS peer certificate.
        peer: Option<Certificate>,
    },
    /// Decoded, from a test case or a CLI command.
    Read(Attested),
}

/// The cache key of a sender: encoded claims with sorted members, and the peer. Equal keys decode
/// to equal claims.
#[derive(Debug, Eq, Hash, PartialEq)]
pub struct SenderKey {
    claims: Vec<u8>,
    peer: Option<Certificate>,
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

    /// The verified certificate of the peer.
    pub(super) fn peer(&self) -> Option<&Certificate> {
        match self {
            Self::Encoded { peer, .. } | Self::Read(Attested { peer, .. }) => peer.as_ref(),
        }
    }

    /// The same claims with another certificate.
    pub(super) fn of(mut self, certificate: Option<Certificate>) -> Self {
        match &mut self {
            Self::Encoded { peer, .. } | Self::Read(Attested { peer, .. }) => *peer = certificate,
        }
        self
    }

    /// The cache key of the sender, if it is at most `longest` bytes long.
    pub fn sender_key(&self, longest: usize) -> Option<SenderKey> {
        let Self::Encoded { metadata, peer } = self else { return None };
        let claims = canonical::namespace(metadata, metadata::JWT_AUTHN)?;
        let length = peer.as_ref().map_or(0, Certificate::len).saturating_add(claims.len());
        (length <= longest)
            .then(|| SenderKey { claims: canonical::in_order(claims), peer: peer.clone() })
    }
}

impl From<Attested> for Evidence {
    fn from(attested: Attested) -> Self {
        Self::Read(attested)
    }
}
