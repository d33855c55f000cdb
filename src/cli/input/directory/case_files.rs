//! Finds the test files of a bundle.

use std::path::{Path, PathBuf};

use super::layout::{ENVIRONMENTS, TESTS, is_named};
use crate::bundle::EnvironmentName;
use crate::cli::files::{self, FileError};

/// The test files of a bundle, sorted; empty for a bundle without tests.
///
/// # Errors
///
/// The directory cannot be read.
pub fn tests(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    tests_in(&directory.join(TESTS))
}

/// The test files for one environment only.
///
/// # Errors
///
/// The directory cannot be read.
pub fn tests_for(
    directory: &Path,
    environment: Option<&EnvironmentName>,
) -> Result<Vec<PathBuf>, FileError> {
    match environment {
        Some(name) => tests_in(&directory.join(ENVIRONMENTS).join(name.as_str()).join(TESTS)),
        None => Ok(Vec::new()),
    }
}

fn tests_in(tests: &Path) -> Result<Vec<PathBuf>, FileError> {
    match files::list(tests) {
        Ok(entries) => Ok(entries
            .into_iter()
            .filter(|entry| !entry.is_dir && is_named(&entry.name, "yaml"))
            .map(|entry| tests.join(entry.name))
            .collect()),
        Err(error) if error.is_missing() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
