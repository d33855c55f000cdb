//! A bundle that is read and loaded.

use super::source_map::SourceMap;
use crate::bundle::{Document, Loaded};
use crate::cli::output::report::{self, Problem};

/// A bundle that is read and loaded.
#[derive(Debug)]
pub struct Opened {
    /// The built document.
    pub document: Document,
    /// The loaded bundle.
    pub loaded: Loaded,
    /// The source locations of its parts.
    pub map: SourceMap,
    /// All warnings.
    pub warnings: Vec<Problem>,
}

impl Opened {
    /// Name, version and digest, and the environment.
    pub fn title(&self) -> String {
        match &self.document.environment {
            Some(name) => format!("{} for the environment `{name}`", self.loaded.bundle.id),
            None => self.loaded.bundle.id.to_string(),
        }
    }

    /// Prints the bundle's title and warnings about it on stderr.
    pub(in crate::cli) fn announce(&self, warnings: &[Problem]) {
        report::talk(&report::human(warnings));
        report::talk(&format!("{}\n", self.title()));
    }
}

/// Sorts problems by location and text: Cedar returns them in no particular order.
pub(in crate::cli) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_cached_key(|problem| {
        let place = problem.place.as_ref().map(|place| {
            (place.file.name.clone(), place.span.as_ref().map_or(0, |span| span.start))
        });
        (place, problem.message.clone())
    });
    problems
}
