//! The filter's configuration: bytes → a gate, or all errors.
//!
#![doc = include_str!("config.md")]

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::Error as _;

use crate::bundle::{self, Bundle, Document, EnvironmentName, Finding};
use crate::gate::{Gate, GateId};
use crate::json;
use crate::trust::{Distrust, Trust, TrustError, TrustSettings};

/// Builds a gate from the filter's configuration, as the module documentation describes it. Keys
/// that have expired at `now` are not trusted.
///
/// # Errors
///
/// All errors of the configuration at once; a gate with an error is not created. For a bundle that
/// is not trusted, no other errors are reported.
pub fn load(config: &[u8], id: &GateId, now: DateTime<Utc>) -> Result<Gate, ConfigError> {
    // Checking UTF-8 once for the whole text saves checking every string.
    let text = std::str::from_utf8(config).map_err(serde_json::Error::custom)?;
    json::unique(text)?;
    let raw: RawConfig = serde_json::from_str(text)?;
    let demands = Demands::of(&raw, now)?;
    let bundle = demands.admit("bundle", raw.bundle);
    let candidate = raw.candidate.map(|document| demands.admit("candidate", document));
    let environment = raw.environment.as_ref().map(ToString::to_string).unwrap_or_default();
    match (bundle, candidate.transpose()) {
        (Ok(bundle), Ok(candidate)) => {
            Ok(Gate::new(bundle, environment).beside(candidate).named(id))
        }
        (bundle, candidate) => {
            let errors = bundle.err().into_iter().chain(candidate.err());
            Err(ConfigError::Bundles(errors.collect()))
        }
    }
}

/// The requirements of a configuration for every bundle.
#[derive(Debug)]
struct Demands {
    trust: Trust,
    here: Option<EnvironmentName>,
    now: DateTime<Utc>,
}

impl Demands {
    /// The requirements of a configuration at this time.
    fn of(raw: &RawConfig, now: DateTime<Utc>) -> Result<Self, ConfigError> {
        let trust = match &raw.trust {
            Some(settings) => Trust::try_from(settings).map_err(ConfigError::Trust)?,
            None => Trust::default(),
        };
        Ok(Self { trust, here: raw.environment.clone(), now })
    }

    /// Opens the bundle of a document that meets the requirements. No policy is read before that.
    fn admit(&self, which: &'static str, document: Document) -> Result<Bundle, BundleError> {
        let digest = document.digest();
        self.trust
            .check(&document, &digest, self.now)
            .map_err(|reasons| BundleError::Distrusted { which, reasons })?;
        if document.environment != self.here {
            let (built, here) = (document.environment.clone(), self.here.clone());
            return Err(BundleError::Elsewhere { which, built, here });
        }
        bundle::open(document, digest).map_err(|findings| BundleError::Invalid { which, findings })
    }
}

/// The configuration before its parts are checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    bundle: Document,
    #[serde(default)]
    candidate: Option<Document>,
    #[serde(default, deserialize_with = "json::given")]
    environment: Option<EnvironmentName>,
    #[serde(default, deserialize_with = "json::given")]
    trust: Option<TrustSettings>,
}

/// Why a configuration yields no gate.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The bytes are not the configuration's JSON.
    #[error("the configuration does not read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The `trust` section is invalid.
    #[error("the configuration does not read: {}", list(.0))]
    Trust(Vec<TrustError>),
    /// One or both bundles cannot be used.
    #[error("{}", list(.0))]
    Bundles(Vec<BundleError>),
}

/// Why one of the bundles cannot be used; `which` is `bundle` or `candidate`.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The bundle is not trusted.
    #[error("the {which} is not trusted: {}", list(.reasons))]
    Distrusted {
        /// The bundle.
        which: &'static str,
        /// Every reason against it.
        reasons: Vec<Distrust>,
    },
    /// The bundle was built for another environment.
    #[error(
        "the {which} is for {}, and this filter is for {}",
        place(built.as_ref()),
        place(here.as_ref())
    )]
    Elsewhere {
        /// The bundle.
        which: &'static str,
        /// The environment that it was built for.
        built: Option<EnvironmentName>,
        /// The environment in the configuration.
        here: Option<EnvironmentName>,
    },
    /// The bundle has errors.
    #[error("the {which} does not load: {}", list(.findings))]
    Invalid {
        /// The bundle.
        which: &'static str,
        /// All errors and warnings.
        findings: Vec<Finding>,
    },
}

fn place(environment: Option<&EnvironmentName>) -> String {
    match environment {
        Some(name) => format!("the environment `{name}`"),
        None => "no environment".to_owned(),
    }
}

fn list(reasons: &[impl ToString]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
