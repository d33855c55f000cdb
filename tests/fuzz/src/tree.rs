//! Seeds from the tree: bundles, test files and lists of tools that people wrote.

use std::path::{Path, PathBuf};

/// The directories of all bundles; the example is the first.
pub(crate) fn bundles() -> Vec<PathBuf> {
    let mut bundles = vec![root().join("policies/acme")];
    bundles.extend(entries("tests/cases/bundles").into_iter().filter(|path| path.is_dir()));
    bundles
}

/// The test files about the bundle in a directory.
pub(crate) fn cases(bundle: &Path) -> Vec<PathBuf> {
    let mut files = files(&bundle.join("tests"));
    if bundle.ends_with("acme") {
        files.extend(self::files(Path::new("tests/cases")));
    }
    files
}

/// The lists of tools of the bundle in a directory.
pub(crate) fn tools(bundle: &Path) -> Vec<PathBuf> {
    files(&bundle.join("tools"))
}

/// The text of a file of the tree.
pub(crate) fn text(path: &Path) -> String {
    #[expect(clippy::disallowed_methods, reason = "tests read the tree itself")]
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    entries(directory).into_iter().filter(|path| path.is_file()).collect()
}

/// What is in a directory, sorted.
fn entries(directory: impl AsRef<Path>) -> Vec<PathBuf> {
    let directory = root().join(directory);
    let entries = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
