//! Which bundles a filter accepts: trusted keys, signatures on a document, and the minimum version.
//!
//! A signature covers a [`statement`] that names the bundle, so that anyone with a JSON parser and
//! `openssl` can verify it. Nothing of a bundle is loaded before it is trusted.

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::bundle::{BundleName, Document, Signature};
use crate::digest::Digest;
use crate::json;
use crate::key::{KeyError, KeyId, PublicKey};

/// The `trust` section of the filter's configuration, as written.
///
/// `null` is an error everywhere: a template renders it for a missing value, and it must not
/// disable a requirement.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustSettings {
    /// Trusted keys. One of them must have signed the bundle.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<KeySettings>>,
    /// The required name of the bundle.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<BundleName>,
    /// The minimum version of the bundle.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub minimum_version: Option<NonZeroU32>,
}

/// One key of the `trust` section, as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The key in PEM, or only the base64 between the PEM's first and last line.
    pub public_key: String,
    /// The key's name in messages, in addition to its id.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the key expires, in RFC 3339.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// The requirements of a filter for every bundle.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// `None` accepts unsigned bundles.
    keys: Option<Vec<TrustedKey>>,
    /// `None` accepts every name.
    name: Option<BundleName>,
    minimum_version: u32,
}

#[derive(Clone, Debug)]
struct TrustedKey {
    key: PublicKey,
    name: Option<String>,
    expires: Option<DateTime<Utc>>,
}

impl TrustedKey {
    /// `ci (sha256:…)`
    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("`{name}` ({})", self.key.id()),
            None => self.key.id().to_string(),
        }
    }
}

/// An error in a `trust` section.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct TrustError {
    /// The dotted path, starting with `trust`.
    pub key: String,
    /// The problem.
    pub problem: TrustProblem,
}

/// A problem in a `trust` section.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustProblem {
    /// The section has no requirement.
    #[error("it demands nothing: name `keys`, a `name` or a `minimum_version`, or leave it out")]
    Empty,
    /// The list of keys is empty.
    #[error("it is empty: name the public keys, or leave `keys` out to accept unsigned bundles")]
    NoKeys,
    /// A key is invalid.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key is listed twice.
    #[error("it is the key of trust.keys.{0} once more: keep one of them")]
    Twice(usize),
    /// An expiry is not a valid time.
    #[error("`{0}` is not a time: write it like `2027-01-31T00:00:00Z`")]
    Expires(String),
}

impl TrustError {
    fn new(key: impl Into<String>, problem: impl Into<TrustProblem>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }

    fn of_key(position: usize, member: &str, problem: impl Into<TrustProblem>) -> Self {
        Self::new(format!("trust.keys.{position}.{member}"), problem)
    }
}

impl TryFrom<&TrustSettings> for Trust {
    type Error = Vec<TrustError>;

    /// All errors at once.
    fn try_from(settings: &TrustSettings) -> Result<Self, Self::Error> {
        let minimum_version = settings.minimum_version.map_or(0, NonZeroU32::get);
        let name = settings.name.clone();
        let Some(written) = &settings.keys else {
            return if name.is_some() || settings.minimum_version.is_some() {
                Ok(Self { keys: None, name, minimum_version })
            } else {
                Err(vec![TrustError::new("trust", TrustProblem::Empty)])
            };
        };
        if written.is_empty() {
            return Err(vec![TrustError::new("trust.keys", TrustProblem::NoKeys)]);
        }
        let (mut keys, mut errors) = (Vec::<(usize, TrustedKey)>::new(), Vec::new());
        for (position, settings) in written.iter().enumerate() {
            match settings.read(position) {
                Ok(key) => {
                    let same = keys.iter().find(|(_, known)| known.key.id() == key.key.id());
                    if let Some((first, _)) = same {
                        let twice = TrustProblem::Twice(*first);
                        errors.push(TrustError::of_key(position, "public_key", twice));
                    } else {
                        keys.push((position, key));
                    }
                }
                Err(found) => errors.extend(found),
            }
        }
        if errors.is_empty() {
            let keys = keys.into_iter().map(|(_, key)| key).collect();
            Ok(Self { keys: Some(keys), name, minimum_version })
        } else {
            Err(errors)
        }
    }
}

impl KeySettings {
    fn read(&self, position: usize) -> Result<TrustedKey, Vec<TrustError>> {
        let key = self.public_key.parse();
        let key = key.map_err(|error: KeyError| TrustError::of_key(position, "public_key", error));
        let expires = self.expires.as_ref().map(|text| {
            DateTime::parse_from_rfc3339(text)
                .map(|time| time.to_utc())
                .map_err(|_| TrustProblem::Expires(text.clone()))
                .map_err(|problem| TrustError::of_key(position, "expires", problem))
        });
        match (key, expires.transpose()) {
            (Ok(key), Ok(expires)) => Ok(TrustedKey { key, name: self.name.clone(), expires }),
            (key, expires) => Err(key.err().into_iter().chain(expires.err()).collect()),
        }
    }
}

/// Why a bundle is not trusted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Distrust {
    /// The bundle has another name.
    #[error("its name is `{found}`, and trust.name is `{wanted}`")]
    OtherName {
        /// The bundle's name.
        found: String,
        /// The required name.
        wanted: String,
    },
    /// The version is below the minimum.
    #[error("its version is {found}, and trust.minimum_version is {least}")]
    TooOld {
        /// The bundle's version.
        found: u32,
        /// The minimum version.
        least: u32,
    },
    /// The bundle is unsigned.
    #[error("it is unsigned: sign it with `toolgate build --sign KEY.pem`")]
    Unsigned,
    /// The signing key is not trusted.
    #[error("it is signed with the key {0}, which is not one of trust.keys")]
    UnknownKey(KeyId),
    /// The signing key has expired.
    #[error("it is signed with the key {key}, which expired at {at}")]
    ExpiredKey {
        /// The key.
        key: String,
        /// When it expired, in RFC 3339.
        at: String,
    },
    /// The content changed after it was signed.
    #[error(
        "its content has changed since the key {key} signed it: {signed} was signed, this is {found}"
    )]
    Changed {
        /// The key.
        key: String,
        /// The signed digest.
        signed: Digest,
        /// The actual digest.
        found: Digest,
    },
    /// The signature is not valid for this key.
    #[error("the signature that it has from the key {0} is wrong")]
    WrongSignature(String),
}

/// The text that is signed for a document with this digest: five lines, each with a line end.
///
/// The first line separates these signatures from signatures for other purposes. The other lines
/// cannot contain line ends, so two bundles never have the same text.
pub fn statement(document: &Document, digest: &Digest) -> String {
    let (format, manifest) = (document.format, &document.manifest);
    let (name, version) = (manifest.name.as_str(), manifest.version);
    format!("toolgate.signature/1\n{format}\n{name}\n{version}\n{digest}\n")
}

impl Trust {
    /// Whether bundles must be signed.
    pub fn demands_signatures(&self) -> bool {
        self.keys.is_some()
    }

    /// Checks whether a document with this digest may be loaded. One valid signature is enough: a
    /// bundle may carry another one for filters that do not know this key yet.
    ///
    /// # Errors
    ///
    /// Every reason against it.
    pub fn check(
        &self,
        document: &Document,
        digest: &Digest,
        now: DateTime<Utc>,
    ) -> Result<(), Vec<Distrust>> {
        let mut reasons = Vec::new();
        let found = document.manifest.name.as_str();
        if let Some(wanted) = self.name.as_ref().map(BundleName::as_str).filter(|n| *n != found) {
            let (found, wanted) = (found.to_owned(), wanted.to_owned());
            reasons.push(Distrust::OtherName { found, wanted });
        }
        let (found, least) = (document.manifest.version, self.minimum_version);
        if found < least {
            reasons.push(Distrust::TooOld { found, least });
        }
        if let Some(keys) = &self.keys {
            reasons.extend(signed(keys, document, digest, now).err().into_iter().flatten());
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }
}

fn signed(
    keys: &[TrustedKey],
    document: &Document,
    digest: &Digest,
    now: DateTime<Utc>,
) -> Result<(), Vec<Distrust>> {
    let statement = statement(document, digest);
    let mut reasons = Vec::new();
    for signature in &document.signatures {
        match good(keys, signature, digest, &statement, now) {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(if reasons.is_empty() { vec![Distrust::Unsigned] } else { reasons })
}

fn good(
    keys: &[TrustedKey],
    signature: &Signature,
    digest: &Digest,
    statement: &str,
    now: DateTime<Utc>,
) -> Result<(), Distrust> {
    let Some(trusted) = keys.iter().find(|trusted| *trusted.key.id() == signature.key) else {
        return Err(Distrust::UnknownKey(signature.key.clone()));
    };
    let key = trusted.title();
    if let Some(expires) = trusted.expires.filter(|expires| *expires <= now) {
        let at = expires.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        return Err(Distrust::ExpiredKey { key, at });
    }
    if signature.digest != *digest {
        let (signed, found) = (signature.digest.clone(), digest.clone());
        return Err(Distrust::Changed { key, signed, found });
    }
    // The statement is computed from the document; the digest stated in the signature is not
    // trusted.
    if trusted.key.verifies(statement.as_bytes(), signature.signature.as_ref()) {
        Ok(())
    } else {
        Err(Distrust::WrongSignature(key))
    }
}
