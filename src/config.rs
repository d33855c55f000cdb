//! The filter's configuration: bytes → a gate that can decide, or every reason why not.
//!
#![doc = include_str!("config.md")]

mod admission;
mod known;
mod loading;
mod reading;
mod seat;

use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::Error as _;

pub use known::{Fingerprint, FingerprintKey, Known};
pub use loading::{Loading, Progress};
pub use seat::{Seats, Sitter};

use crate::bundle::{Bundle, Document, EnvironmentName, Finding};
use crate::exchange::Senders;
use crate::json;
use crate::record::{GateField, Shared};
use crate::trust::{self, Distrust, TrustError, TrustSettings};
use admission::Admission;

/// A bundle in force, and where it is in force. Immutable; an update is another gate.
#[derive(Debug)]
pub struct Gate {
    /// The policies and everything about them.
    pub bundle: Bundle,
    /// A bundle that is asked the same and has no say.
    pub candidate: Option<Box<Gate>>,
    /// The environment that policies and records see, such as `production`.
    pub environment: Rc<str>,
    /// How records name this gate.
    pub site: Shared<GateField>,
    /// The senders that it has seen lately.
    pub senders: Senders,
}

/// The configuration exactly as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    bundle: Document,
    #[serde(default)]
    candidate: Option<Document>,
    #[serde(default, deserialize_with = "trust::given")]
    environment: Option<EnvironmentName>,
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
    /// Bundles cannot be used.
    #[error("{}", list(.0))]
    Bundles(Vec<BundleError>),
}

/// Why one of the bundles cannot be used; `which` is `bundle` or `candidate`.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It may not be loaded.
    #[error("the {which} is not trusted: {}", list(.reasons))]
    Distrusted {
        /// The bundle.
        which: &'static str,
        /// Everything against it.
        reasons: Vec<Distrust>,
    },
    /// It is for somewhere else.
    #[error(
        "the {which} is for {}, and this filter is for {}",
        place(built.as_ref()),
        place(here.as_ref())
    )]
    Elsewhere {
        /// The bundle.
        which: &'static str,
        /// What it was built for.
        built: Option<EnvironmentName>,
        /// What the configuration names.
        here: Option<EnvironmentName>,
    },
    /// It has errors.
    #[error("the {which} does not load: {}", list(.findings))]
    Invalid {
        /// The bundle.
        which: &'static str,
        /// All of them, and its warnings.
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

impl Gate {
    /// A gate without a name, with a bundle and nothing beside it.
    pub fn new(bundle: Bundle, environment: String) -> Self {
        Self {
            bundle,
            candidate: None,
            environment: environment.into(),
            site: Shared::new(GateField::default()),
            senders: Senders::default(),
        }
    }

    /// Builds a gate from the filter's configuration, as this page describes it. `now` is the time
    /// that keys expire by.
    ///
    /// # Errors
    ///
    /// Every error of the configuration at once; a gate with an error is no gate. Of a bundle that
    /// is not trusted, nothing else is said.
    pub fn from_config(
        config: &[u8],
        site: &GateField,
        now: DateTime<Utc>,
    ) -> Result<Self, ConfigError> {
        Self::from_known_config(config, None, site, now)
    }

    /// The same, where something may be known of exactly these bytes already. The digests of its
    /// bundles are taken from there, unless signatures are demanded. All else is found and checked.
    ///
    /// # Errors
    ///
    /// As [`Self::from_config`].
    pub fn from_known_config(
        config: &[u8],
        known: Option<Known>,
        site: &GateField,
        now: DateTime<Utc>,
    ) -> Result<Self, ConfigError> {
        // Every string would be looked at once more, were it not known that all of it is text.
        let text = std::str::from_utf8(config).map_err(serde_json::Error::custom)?;
        // Bytes of which something is known were looked through for that.
        if known.is_none() {
            json::unique(text)?;
        }
        let written: Written = serde_json::from_str(text)?;
        Admission::of(written, known, now)?.finish(site)
    }

    /// Whether this gate may decide in the place of another one with the same plugin's name, as long
    /// as that is being laid out. It has to be another state of the same thing: one bundle for one
    /// environment, and in force, so that nothing passes for being early.
    pub fn stands_in_for(&self, next: &Known) -> bool {
        let Known { name, environment, .. } = next;
        let same = self.bundle.id.name == *name && *self.environment == **environment;
        same && self.bundle.shadow.is_none()
    }
}
