//! The lines of a log, one by one: it can be longer than memory.

use std::path::Path;

use crate::cli::files::{self, FileError};
use crate::cli::recorded::{self, Recorded};

/// What every record names, whatever its version.
const MARK: &[u8] = b"\"toolgate.decision/";

/// One line.
#[derive(Debug)]
pub(super) enum Line {
    /// Nothing.
    Blank,
    /// A record of a decision.
    Record(Box<Recorded>),
    /// A record that does not read, such as one that is cut, and why.
    Unreadable(String),
    /// Something else.
    Other,
}

/// The lines of a file, or of stdin where the path is `-`.
pub(super) fn lines(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Line, FileError>>, FileError> {
    Ok(files::lines(path)?.map(|line| line.map(|line| read(&line))))
}

fn read(line: &[u8]) -> Line {
    if line.trim_ascii().is_empty() {
        return Line::Blank;
    }
    if !line.windows(MARK.len()).any(|window| window == MARK) {
        return Line::Other;
    }
    match recorded::read(line) {
        Ok(recorded) => Line::Record(Box::new(recorded)),
        Err(problem) => Line::Unreadable(problem.message),
    }
}
