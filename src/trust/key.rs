//! Ed25519 public keys in the formats of `openssl`.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, spki};

use crate::bundle::SignatureBytes;
use crate::digest::Digest;

/// The SHA-256 of a public key's DER form (`SubjectPublicKeyInfo`), which identifies a key without
/// a registry of names: `openssl pkey -pubin -in KEY.pub -outform DER | sha256sum`.
pub type KeyId = Digest;

/// A key that verifies signatures.
#[derive(Clone, Debug)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

/// Why a text is not a public key. Messages never contain the text, which may accidentally be a
/// secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// It is a private key.
    #[error(
        "this is a private key, and now it is no secret any more: make a new one, and write its \
         public key here (`openssl pkey -in KEY.pem -pubout`)"
    )]
    Private,
    /// It is a key for another algorithm.
    #[error("this is no Ed25519 key; `openssl genpkey -algorithm ed25519` makes one")]
    OtherAlgorithm,
    /// It parses but is unusable.
    #[error("this is no point on the curve that a signature can be verified with")]
    Weak,
    /// It does not parse.
    #[error(
        "this is neither a public key in PEM nor the base64 of one; \
         `openssl pkey -in KEY.pem -pubout` writes it"
    )]
    Unreadable,
}

impl PublicKey {
    /// The key's id.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether this key signed the text. Verification is strict: a signature has only one valid
    /// encoding, and keys for which anyone could forge signatures are refused.
    pub fn verifies(&self, text: &str, signature: &SignatureBytes) -> bool {
        self.key.verify_strict(text.as_bytes(), signature.as_ref()).is_ok()
    }
}

impl TryFrom<VerifyingKey> for PublicKey {
    type Error = KeyError;

    fn try_from(key: VerifyingKey) -> Result<Self, Self::Error> {
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        let der = key.to_public_key_der().map_err(|_| KeyError::Unreadable)?;
        Ok(Self { key, id: Digest::of_bytes(der.as_bytes()) })
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(KeyError::Private);
        }
        let key = if text.starts_with("-----") {
            VerifyingKey::from_public_key_pem(text)
        } else {
            let der = STANDARD.decode(text).map_err(|_| KeyError::Unreadable)?;
            VerifyingKey::from_public_key_der(&der)
        };
        key.map_err(|error| problem(&error))?.try_into()
    }
}

fn problem(error: &spki::Error) -> KeyError {
    if matches!(error, spki::Error::OidUnknown { .. }) {
        KeyError::OtherAlgorithm
    } else if matches!(error, spki::Error::KeyMalformed) {
        KeyError::Weak
    } else {
        KeyError::Unreadable
    }
}
