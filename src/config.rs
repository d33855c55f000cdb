//! The filter's configuration: bytes → a gate that can decide, or every reason why not.
//!
#![doc = include_str!("config.md")]

use serde::Deserialize;

use crate::bundle::{self, Bundle, Document, Finding};
use crate::record::GateField;

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
}

/// Why a configuration is no gate.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The bytes are not the configuration's JSON.
    #[error("the configuration does not read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The bundle has errors; all of them are here.
    #[error("the bundle does not load: {}", list(.0))]
    Bundle(Vec<Finding>),
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Gate {
    /// Builds a gate from the filter's configuration:
    /// `{"bundle": <built bundle>, "environment": "<name>"}`.
    ///
    /// # Errors
    ///
    /// Every error of the configuration at once; a gate with an error is no gate.
    pub fn from_config(config: &[u8], site: GateField) -> Result<Self, ConfigError> {
        let written: Written = serde_json::from_slice(config)?;
        let loaded = bundle::load(&written.bundle).map_err(ConfigError::Bundle)?;
        Ok(Self { bundle: loaded.bundle, environment: written.environment, site })
    }
}
