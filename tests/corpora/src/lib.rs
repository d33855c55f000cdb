//! Runs other projects' tests for Cedar and JSON against the gate's own code.

mod answer;
mod canonical;
mod case;
mod cedar;
mod exclusion;
mod files;
mod gate;
mod parsing;
mod progress;
mod tally;

use std::fs;
use std::path::{Path, PathBuf};

use files::Files;
use tally::Tally;

/// How much of the corpora is run.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// One in this many policy sets of Cedar's generated corpora.
    pub every: usize,
    /// At most this many numbers of RFC 8785.
    pub numbers: usize,
}

impl Extent {
    /// Everything.
    pub const ALL: Self = Self { every: 1, numbers: 1_000_000 };
    /// A fixed sample, small enough for a test run that people wait for.
    pub const SAMPLE: Self = Self { every: 4, numbers: 10_000 };
}

/// Runs the corpora of a directory, prints the results, and returns whether all agreed.
///
/// # Errors
///
/// Names the part of the directory that cannot be read.
pub fn run(directory: &Path, extent: Extent) -> Result<bool, String> {
    let Extent { every, numbers } = extent;
    let tests = directory.join("cedar-integration-tests");
    let by_hand = "Cedar's integration tests, written by hand";
    let mut agreed = shown(by_hand, 1, &cedar::run(by_hand, &Files::of_directory(&tests)?, 1));
    for archive in archives(&tests)? {
        let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
        agreed &= shown(&name, every, &cedar::run(&name, &Files::of_archive(&archive)?, every));
    }
    let documents = Files::of_directory(&directory.join("jsontestsuite/test_parsing"))?;
    agreed &= shown("JSONTestSuite", 1, &parsing::run(&documents));
    let vectors = Files::of_directory(&directory.join("jcs"))?;
    agreed &= shown("RFC 8785", 1, &canonical::run(&vectors, numbers));
    Ok(agreed)
}

/// Prints the result of a corpus. A corpus without any run has not agreed.
#[expect(clippy::print_stdout, reason = "this is what a run is for")]
fn shown(name: &str, every: usize, tally: &Tally) -> bool {
    let part = if every == 1 { String::new() } else { format!(", one set of {every}") };
    println!("{name}{part}\n{tally}");
    if tally.total() == 0 {
        println!("  nothing was run");
    }
    tally.total() > 0 && tally.differences() == 0
}

/// The archives of a directory.
fn archives(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let about = |error| format!("{}: {error}", directory.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(about)? {
        let path = entry.map_err(about)?.path();
        if path.to_string_lossy().ends_with(".tar.gz") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() { Err(format!("{}: no .tar.gz", directory.display())) } else { Ok(found) }
}
