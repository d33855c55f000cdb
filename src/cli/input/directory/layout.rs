//! Names of files and directories in a bundle directory.

use std::path::Path;

/// The file that makes a directory a bundle.
pub(super) const MANIFEST: &str = "bundle.yaml";
/// The author's type declarations.
pub(super) const SCHEMA: &str = "schema.cedarschema";
/// The usual directory of tools files.
pub(super) const TOOLS: &str = "tools";
/// The directory with test files.
pub(super) const TESTS: &str = "tests";
/// The directory with a file, a directory or both for each environment.
pub(super) const ENVIRONMENTS: &str = "environments";

/// Whether a file has an extension.
pub(super) fn is_named(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// Whether a path stays inside the bundle, so that a copy of the directory is complete.
pub(in crate::cli) fn is_inside(path: &str) -> bool {
    let steps = Path::new(path).components();
    !path.is_empty()
        && steps.into_iter().all(|step| matches!(step, std::path::Component::Normal(_)))
}
