//! Errors for paths without a bundle, with a hint if there is one nearby.

use std::path::{Path, PathBuf};

use super::layout::MANIFEST;
use crate::cli::files::{self, Entry};
use crate::cli::output::report::Problem;

/// The error for a directory without a bundle. Its help names the bundle up to two levels below, if
/// there is exactly one.
pub(super) fn missing(directory: &Path, entries: &[Entry]) -> Problem {
    let subdirectories = |of: &Path, entries: &[Entry]| -> Vec<PathBuf> {
        entries.iter().filter(|entry| entry.is_dir).map(|entry| of.join(&entry.name)).collect()
    };
    let directory = directory.strip_prefix(".").unwrap_or(directory);
    let near = subdirectories(directory, entries);
    let far =
        near.iter().flat_map(|near| subdirectories(near, &files::list(near).unwrap_or_default()));
    let found: Vec<PathBuf> =
        near.iter().cloned().chain(far).filter(|path| is_bundle(path)).collect();
    let problem = Problem::new(match directory.display().to_string() {
        here if here.is_empty() => format!("there is no `{MANIFEST}` here"),
        there => format!("there is no `{MANIFEST}` in `{there}`"),
    });
    let help = format!("a bundle is a directory with a `{MANIFEST}`");
    problem.with_help(match found.as_slice() {
        [only] => format!("{help}: did you mean `{}`?", only.display()),
        _ => help,
    })
}

/// The error for a file that does not parse as a built bundle. Files that belong to a bundle
/// directory get a hint.
pub(super) fn no_document(file: &Path, error: &serde_json::Error) -> Problem {
    let name = file.display();
    if let Some(directory) = file.ancestors().skip(1).find(|directory| is_bundle(directory)) {
        let here = directory == Path::new("");
        let directory = if here { Path::new(".") } else { directory };
        let help = format!("did you mean the directory `{}`?", directory.display());
        Problem::new(format!("`{name}` is a file of a bundle")).with_help(help)
    } else {
        let help = "a bundle is a directory, or the document that `toolgate build` made of one";
        Problem::new(format!("`{name}` is no built bundle: {error}")).with_help(help)
    }
}

fn is_bundle(directory: &Path) -> bool {
    files::is_file(&directory.join(MANIFEST))
}
