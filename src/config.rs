//! The filter's configuration: bytes → a gate that can decide, or every reason why not.
//!
#![doc = include_str!("config.md")]

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::bundle::{self, Bundle, Document, Finding};
use crate::record::GateField;
use crate::trust::{self, Distrust, Trust, TrustError, TrustSettings};

/// A bundle in force, and where it is in force. Immutable; an update is another gate.
#[derive(Debug)]
pub struct Gate {
    /// The policies and everything about them.
    pub bundle: Bundle,
    /// The environment that policies and records see, such as `production`.
    pub environment: String,
    /// How records name this gate.
    pub site: GateField,
}

/// The configuration exactly as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    bundle: Document,
    #[serde(default)]
    environment: String,
    #[serde(default, deserialize_with = "trust::given")]
    trust: Option<TrustSettings>,
}

/// Why a configuration is no gate.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The bytes are not the configuration's JSON.
    #[error("the configuration does not read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// What is demanded of bundles makes no sense.
    #[error("the configuration does not read: {}", list(.0))]
    Trust(Vec<TrustError>),
    /// The bundle may not be loaded.
    #[error("the bundle is not trusted: {}", list(.0))]
    Distrusted(Vec<Distrust>),
    /// The bundle has errors; all of them are here.
    #[error("the bundle does not load: {}", list(.0))]
    Bundle(Vec<Finding>),
}

fn list(reasons: &[impl ToString]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Gate {
    /// Builds a gate from the filter's configuration, as this page describes it. `now` is the time
    /// that keys expire by.
    ///
    /// # Errors
    ///
    /// Every error of the configuration at once; a gate with an error is no gate. Of a bundle that
    /// is not trusted, nothing else is said.
    pub fn from_config(
        config: &[u8],
        site: GateField,
        now: DateTime<Utc>,
    ) -> Result<Self, ConfigError> {
        let written: Written = serde_json::from_slice(config)?;
        let trust = match &written.trust {
            Some(settings) => Trust::try_from(settings).map_err(ConfigError::Trust)?,
            None => Trust::default(),
        };
        let bundle = admit(&written.bundle, &trust, now)?;
        Ok(Self { bundle, environment: written.environment, site })
    }
}

/// The one way from a document that somebody pushed to a bundle that decides.
fn admit(document: &Document, trust: &Trust, now: DateTime<Utc>) -> Result<Bundle, ConfigError> {
    trust.check(document, now).map_err(ConfigError::Distrusted)?;
    let loaded = bundle::load(document).map_err(ConfigError::Bundle)?;
    Ok(loaded.bundle)
}
