//! Whose bundles a filter takes: trusted keys, signatures on a document, and the lowest version.
//!
//! A signature is over a [`statement`] that names the bundle, so that whoever can read JSON and has
//! `openssl` can verify it. Nothing of a bundle is loaded before it is trusted.

mod key;

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use key::{KeyError, KeyId, PublicKey};

use crate::bundle::{BundleName, Document, Signature};
use crate::digest::Digest;
use crate::json;

/// The `trust` section of the filter's configuration as it is written.
///
/// A `null` is an error everywhere: it is what a template leaves of a value that it does not have,
/// and must not mean that nothing is demanded.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustSettings {
    /// Keys, any one of which must have signed a bundle.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<KeySettings>>,
    /// The name of the bundle.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<BundleName>,
    /// The lowest version of a bundle.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub minimum_version: Option<NonZeroU32>,
}

/// One key of the `trust` section as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The key as PEM, or the base64 between the lines of the PEM.
    pub public_key: String,
    /// What messages call it besides its id.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it ceases to be trusted, RFC 3339.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// What a filter demands of every bundle.
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

/// Something wrong with a `trust` section.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct TrustError {
    /// Where it stands, from `trust` on.
    pub key: String,
    /// What it is.
    pub problem: TrustProblem,
}

/// What can be wrong with a `trust` section.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustProblem {
    /// Nothing is demanded.
    #[error("it demands nothing: name `keys`, a `name` or a `minimum_version`, or leave it out")]
    Empty,
    /// No key is trusted.
    #[error("it is empty: name the public keys, or leave `keys` out to accept unsigned bundles")]
    NoKeys,
    /// A key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key stands there twice.
    #[error("it is the key of trust.keys.{0} once more: keep one of them")]
    Twice(usize),
    /// A time is none.
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

    /// Every error at once.
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
    /// It is another bundle.
    #[error("its name is `{found}`, and trust.name is `{wanted}`")]
    OtherName {
        /// The bundle's name.
        found: String,
        /// The one that is demanded.
        wanted: String,
    },
    /// Its version is too low.
    #[error("its version is {found}, and trust.minimum_version is {least}")]
    TooOld {
        /// The bundle's version.
        found: u32,
        /// The lowest one.
        least: u32,
    },
    /// Nobody signed it.
    #[error("it is unsigned: sign it with `toolgate build --sign KEY.pem`")]
    Unsigned,
    /// Somebody signed it.
    #[error("it is signed with the key {0}, which is not one of trust.keys")]
    UnknownKey(KeyId),
    /// Whoever signed it was trusted.
    #[error("it is signed with the key {key}, which expired at {at}")]
    ExpiredKey {
        /// The key.
        key: String,
        /// When it expired.
        at: String,
    },
    /// What was signed is something else.
    #[error(
        "its content has changed since the key {key} signed it: {signed} was signed, this is {found}"
    )]
    Changed {
        /// The key.
        key: String,
        /// The digest of what was signed.
        signed: Digest,
        /// The digest of what is here.
        found: Digest,
    },
    /// It was not signed with this key.
    #[error("the signature that it has from the key {0} is wrong")]
    WrongSignature(String),
}

/// The text that is signed for a document with this digest: five lines, each with its end.
///
/// The first line keeps a signature from being one of anything else; the others have no line ends
/// in them, so that no two bundles have the same text.
pub fn statement(document: &Document, digest: &Digest) -> String {
    let (format, manifest) = (document.format, &document.manifest);
    let (name, version) = (manifest.name.as_str(), manifest.version);
    format!("toolgate.signature/1\n{format}\n{name}\n{version}\n{digest}\n")
}

impl Trust {
    /// Whether bundles have to be signed.
    pub fn demands_signatures(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether a document of this digest may be loaded. One good signature is enough: a bundle may carry another
    /// one for filters that do not know this key yet.
    ///
    /// # Errors
    ///
    /// Every reason why not.
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
    // The statement is made of what is here; what the signature says of itself is not believed.
    if trusted.key.verifies(statement, &signature.signature) {
        Ok(())
    } else {
        Err(Distrust::WrongSignature(key))
    }
}
