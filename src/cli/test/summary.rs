//! The result of a run of the cases.

use std::path::Path;

use crate::bundle::{BundleId, EnvironmentName};
use crate::cli::analysis::coverage::{Coverage, Measure, Suggestion};
use crate::cli::analysis::verdict::Verdict;
use crate::cli::input::directory::SourceMap;

/// Everything that a run of the cases found.
pub(super) struct Summary<'a> {
    pub(super) directory: &'a Path,
    pub(super) environment: Option<&'a EnvironmentName>,
    pub(super) bundle: &'a BundleId,
    pub(super) map: &'a SourceMap,
    /// Only cases with this in their name ran.
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

    /// The classes of which not enough is reached.
    pub(super) fn lacking(&self) -> impl Iterator<Item = &Measure> {
        self.measures.iter().filter(|measure| !measure.is_enough())
    }

    pub(super) fn passed(&self) -> bool {
        self.failed() == 0 && self.lacking().next().is_none()
    }
}
