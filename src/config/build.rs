//! The one way from the documents of a configuration to bundles that decide.

use chrono::{DateTime, Utc};

use super::{BundleError, ConfigError, Written};
use crate::bundle::{self, Bundle, Document, EnvironmentName};
use crate::trust::Trust;

/// What a configuration demands of every bundle.
#[derive(Debug)]
pub(super) struct Demands {
    trust: Trust,
    here: Option<EnvironmentName>,
    now: DateTime<Utc>,
}

impl Demands {
    /// The demands of a configuration at this time.
    pub(super) fn of(written: &Written, now: DateTime<Utc>) -> Result<Self, ConfigError> {
        let trust = match &written.trust {
            Some(settings) => Trust::try_from(settings).map_err(ConfigError::Trust)?,
            None => Trust::default(),
        };
        Ok(Self { trust, here: written.environment.clone(), now })
    }

    /// The bundle of a document that meets the demands. Nothing of it is read as policy before.
    pub(super) fn admit(
        &self,
        which: &'static str,
        document: Document,
    ) -> Result<Bundle, BundleError> {
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
