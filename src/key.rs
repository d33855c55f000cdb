//! Ed25519 keys in the formats of `openssl`.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{
    self, DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _, spki,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

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

    /// The key as 32 bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// The key of these 32 bytes.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?.try_into().ok()
    }

    /// The base64 of the DER form.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        STANDARD.encode(self.key.to_public_key_der().expect("a key").as_bytes())
    }

    /// Whether this key signed the text. Verification is strict: a signature has only one valid
    /// encoding, and keys for which anyone could forge signatures are refused.
    pub fn verifies(&self, text: &[u8], signature: &Signature) -> bool {
        self.key.verify_strict(text, signature).is_ok()
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

/// A key that signs.
#[derive(Debug)]
pub struct PrivateKey {
    key: SigningKey,
    public: PublicKey,
}

/// Why a text is not a private key. Messages never contain the text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrivateKeyError {
    /// It is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// It is a public key.
    #[error("is a public key")]
    Public,
    /// It is a key for another algorithm.
    #[error("is no Ed25519 key")]
    OtherAlgorithm,
    /// It parses but is unusable.
    #[error("is a key whose signatures anybody could forge")]
    Weak,
    /// It does not parse.
    #[error("is no private key in PEM (PKCS#8)")]
    Unreadable,
}

impl PrivateKey {
    /// The key that verifies what this one signs.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The base64 of the DER form.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        use ed25519_dalek::pkcs8::EncodePrivateKey as _;
        STANDARD.encode(self.key.to_pkcs8_der().expect("a key").as_bytes())
    }

    /// The secret as 32 bytes.
    pub(crate) fn seed(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Signs a text.
    pub fn sign(&self, text: &[u8]) -> Signature {
        self.key.sign(text)
    }
}

impl FromStr for PrivateKey {
    type Err = PrivateKeyError;

    /// Reads PKCS#8 in PEM, or only the base64 between its first and last line.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.contains("ENCRYPTED PRIVATE KEY") {
            return Err(PrivateKeyError::Encrypted);
        }
        if text.contains("BEGIN PUBLIC KEY") {
            return Err(PrivateKeyError::Public);
        }
        let key = if text.starts_with("-----") {
            SigningKey::from_pkcs8_pem(text)
        } else {
            let der = STANDARD.decode(text).map_err(|_| PrivateKeyError::Unreadable)?;
            SigningKey::from_pkcs8_der(&der)
        };
        let key = key.map_err(|error| {
            if matches!(error, pkcs8::Error::PublicKey(spki::Error::OidUnknown { .. })) {
                PrivateKeyError::OtherAlgorithm
            } else {
                PrivateKeyError::Unreadable
            }
        })?;
        let public = key.verifying_key().try_into().map_err(|_| PrivateKeyError::Weak)?;
        Ok(Self { key, public })
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
