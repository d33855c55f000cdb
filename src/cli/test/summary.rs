//! The result of a test run.

use std::path::Path;

use crate::bundle::{BundleId, EnvironmentName};
use crate::cli::analysis::coverage::{Coverage, Measure, Suggestion};
use crate::cli::analysis::verdict::Verdict;
use crate::cli::input::directory::SourceMap;

/// All results of a test run.
pub(super) struct Summary<'a> {
    pub(super) directory: &'a Path,
    pub(super) environment: Option<&'a EnvironmentName>,
    pub(super) bundle: &'a BundleId,
    pub(super) map: &'a SourceMap,
    /// Only cases whose name contains this were run.
    pub(super) filter: Option<&'a str>,
    pub(super) verdicts: Vec<Verdict<'a>>,
    pub(super) coverage: Coverage,
    pub(super) measures: Vec<Measure>,
    pub(super) suggestions: Vec<Suggestion>,
}

impl Summary<'_> {
    pub(super) fn failed(&self) -> usize {
        self.verdicts.iter().filter(|verdict| !verdict.passed()).count()
    }

    /// The classes whose coverage is below the minimum.
    pub(super) fn lacking(&self) -> impl Iterator<Item = &Measure> {
        self.measures.iter().filter(|measure| !measure.is_enough())
    }

    pub(super) fn passed(&self) -> bool {
        self.failed() == 0 && self.lacking().next().is_none()
    }
}
