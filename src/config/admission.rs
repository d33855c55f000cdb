//! The one way from documents that somebody pushed to a gate that decides.

use chrono::{DateTime, Utc};

use super::{BundleError, ConfigError, Gate, Known, Written};
use crate::budget::Budget;
use crate::bundle::{Bundle, Digestion, Document, EnvironmentName, Opening};
use crate::digest::Digest;
use crate::record::{GateField, Shared};
use crate::trust::Trust;

/// The bundles of a configuration on their way into a gate.
#[derive(Debug)]
pub(super) struct Admission {
    demands: Demands,
    bundle: Intake,
    candidate: Option<Intake>,
}

/// What is demanded of every bundle.
#[derive(Debug)]
struct Demands {
    trust: Trust,
    here: Option<EnvironmentName>,
    now: DateTime<Utc>,
}

impl Admission {
    /// Begins with a configuration.
    pub(super) fn of(
        written: Written,
        known: Option<Known>,
        now: DateTime<Utc>,
    ) -> Result<Self, ConfigError> {
        let trust = match &written.trust {
            Some(settings) => Trust::try_from(settings).map_err(ConfigError::Trust)?,
            None => Trust::default(),
        };
        // A signature is about the digest, and so only about a bundle whose digest is made here.
        let known = known.filter(|_| !trust.demands_signatures());
        let (bundle, candidate) =
            known.map_or((None, None), |known| (Some(known.bundle), known.candidate));
        let demands = Demands { trust, here: written.environment, now };
        Ok(Self {
            bundle: Intake::of("bundle", written.bundle, bundle, &demands),
            candidate: written.candidate.map(|it| Intake::of("candidate", it, candidate, &demands)),
            demands,
        })
    }

    /// Does more of the work.
    #[must_use]
    pub(super) fn advance(self, budget: &mut Budget) -> Self {
        let Self { demands, bundle, candidate } = self;
        let bundle = bundle.advance(&demands, budget);
        let candidate = candidate.map(|candidate| candidate.advance(&demands, budget));
        Self { demands, bundle, candidate }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        [Some(&self.bundle), self.candidate.as_ref()].into_iter().flatten().all(Intake::is_done)
    }

    /// The gate, which has this name. What is left to do is done.
    pub(super) fn finish(self, site: &GateField) -> Result<Gate, ConfigError> {
        let site = Shared::new(site.clone());
        let gate = |intake: Intake| {
            let environment = self.demands.environment();
            let bundle = intake.finish(&self.demands)?;
            Ok(Gate { site: site.clone(), ..Gate::new(bundle, environment) })
        };
        match (gate(self.bundle), self.candidate.map(gate).transpose()) {
            (Ok(gate), Ok(candidate)) => Ok(Gate { candidate: candidate.map(Box::new), ..gate }),
            (gate, candidate) => {
                let errors = gate.err().into_iter().chain(candidate.err());
                Err(ConfigError::Bundles(errors.collect()))
            }
        }
    }
}

/// How far one bundle is.
#[derive(Debug)]
enum Intake {
    /// The digest of its content is being made.
    Naming(&'static str, Box<Document>, Digestion),
    /// It is trusted, and its policies are being read.
    Opening(&'static str, Box<Opening>),
    Done(Box<Result<Bundle, BundleError>>),
}

impl Intake {
    fn of(
        which: &'static str,
        document: Document,
        known: Option<Digest>,
        demands: &Demands,
    ) -> Self {
        match known {
            Some(digest) => Self::admit(which, document, digest, demands),
            None => Self::Naming(which, Box::new(document), Digestion::default()),
        }
    }

    /// Nothing of a bundle is read as policy before this.
    fn admit(which: &'static str, document: Document, digest: Digest, demands: &Demands) -> Self {
        match demands.check(which, &document, &digest) {
            Ok(()) => Self::Opening(which, Box::new(Opening::of(document, digest))),
            Err(error) => Self::Done(Box::new(Err(error))),
        }
    }

    fn advance(self, demands: &Demands, budget: &mut Budget) -> Self {
        if budget.is_spent() {
            return self;
        }
        match self {
            Self::Naming(which, document, mut digestion) => {
                if !digestion.advance(&document, budget) {
                    return Self::Naming(which, document, digestion);
                }
                let digest = digestion.finish(&document);
                Self::admit(which, *document, digest, demands).advance(demands, budget)
            }
            Self::Opening(which, mut opening) => {
                // The last step takes some time too, and so has a turn of its own.
                if !opening.advance(budget) || budget.is_spent() {
                    return Self::Opening(which, opening);
                }
                let bundle = opening.finish();
                let bundle = bundle.map_err(|findings| BundleError::Invalid { which, findings });
                Self::Done(Box::new(bundle))
            }
            done @ Self::Done(_) => done,
        }
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn finish(self, demands: &Demands) -> Result<Bundle, BundleError> {
        let mut intake = self;
        loop {
            match intake.advance(demands, &mut Budget::unlimited()) {
                Self::Done(bundle) => return *bundle,
                going @ (Self::Naming(..) | Self::Opening(..)) => intake = going,
            }
        }
    }
}

impl Demands {
    fn environment(&self) -> String {
        self.here.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    fn check(
        &self,
        which: &'static str,
        document: &Document,
        digest: &Digest,
    ) -> Result<(), BundleError> {
        self.trust
            .check(document, digest, self.now)
            .map_err(|reasons| BundleError::Distrusted { which, reasons })?;
        if document.environment == self.here {
            return Ok(());
        }
        let (built, here) = (document.environment.clone(), self.here.clone());
        Err(BundleError::Elsewhere { which, built, here })
    }
}
