//! The signatures in a document.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// A signature on a bundle.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The id of the signing key.
    pub key: Digest,
    /// The digest that was signed.
    pub digest: Digest,
    /// The signature bytes.
    pub signature: SignatureBytes,
}

/// An Ed25519 signature, in JSON as base64.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SignatureBytes(ed25519_dalek::Signature);

impl AsRef<ed25519_dalek::Signature> for SignatureBytes {
    fn as_ref(&self) -> &ed25519_dalek::Signature {
        &self.0
    }
}

impl From<ed25519_dalek::Signature> for SignatureBytes {
    fn from(signature: ed25519_dalek::Signature) -> Self {
        Self(signature)
    }
}

impl TryFrom<String> for SignatureBytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(&text).ok();
        let signature = bytes.and_then(|bytes| ed25519_dalek::Signature::from_slice(&bytes).ok());
        signature
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a signature: it is the base64 of 64 bytes"))
    }
}

impl From<SignatureBytes> for String {
    fn from(signature: SignatureBytes) -> Self {
        STANDARD.encode(signature.0.to_bytes())
    }
}
