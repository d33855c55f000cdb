//! The trust settings of a filter, read from a file, and whether a document meets them now.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::yaml::{self, KeySpans};
use crate::bundle::Document;
use crate::cli::clock::now;
use crate::cli::files;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};
use crate::trust::{Trust, TrustProblem, TrustSettings};

/// The file with what is demanded.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TrustArgument {
    /// What the filter demands of bundles: a file with `keys`, `name` and `minimum_version`
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

impl TrustArgument {
    /// The trust settings, if the document meets them.
    pub(in crate::cli) fn demand(
        &self,
        document: &Document,
    ) -> Result<Option<TrustSettings>, Stop> {
        let Some(path) = &self.trust else { return Ok(None) };
        let (settings, trust) = read(path)?;
        let distrusted = |reason: &_| Problem::new(format!("the bundle is not trusted: {reason}"));
        match trust.check(document, &document.digest(), now()) {
            Ok(()) => Ok(Some(settings)),
            Err(reasons) => Err(reasons.iter().map(distrusted).collect::<Vec<_>>().into()),
        }
    }
}

fn read(path: &Path) -> Result<(TrustSettings, Trust), Stop> {
    let file = Arc::new(SourceFile::new(path.display().to_string(), files::read(path)?));
    let settings: TrustSettings = yaml::read(&file)?;
    let trust = Trust::try_from(&settings).map_err(|errors| {
        let places = KeySpans::of(&file);
        let problems = errors.iter().map(|error| {
            let key = error.key.strip_prefix("trust.").unwrap_or_default();
            match places.find(key) {
                // An excerpt could print a private key.
                Some(span) if !matches!(error.problem, TrustProblem::Key(_)) => {
                    Problem::at(Location::at(&file, span), error.problem.to_string())
                }
                _ if key.is_empty() => {
                    Problem::at(Location::whole(&file), error.problem.to_string())
                }
                _ => Problem::at(Location::whole(&file), format!("{key}: {}", error.problem)),
            }
        });
        problems.collect::<Vec<_>>()
    })?;
    Ok((settings, trust))
}
