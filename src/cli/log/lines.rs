//! Reads a log line by line, since it can be larger than memory.

use std::path::Path;

use super::line::Recorded;
use super::read;
use crate::cli::files::{self, FileError};

/// Part of the schema name in every record, whatever its version.
const MARK: &[u8] = b"\"toolgate.decision/";

/// One line.
#[derive(Debug)]
pub(in crate::cli) enum Line {
    /// An empty line.
    Blank,
    /// A decision record.
    Record(Box<Recorded>),
    /// A record that does not parse, for example because it is truncated, with the error.
    Unreadable(String),
    /// Any other line.
    Other,
}

/// The lines of a file, or of stdin if the path is `-`.
pub(in crate::cli) fn lines(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Line, FileError>>, FileError> {
    Ok(files::lines(path)?.map(|line| line.map(|bytes| read(&bytes))))
}

fn read(bytes: &[u8]) -> Line {
    if bytes.trim_ascii().is_empty() {
        return Line::Blank;
    }
    if !bytes.windows(MARK.len()).any(|window| window == MARK) {
        return Line::Other;
    }
    match read::read(bytes) {
        Ok(recorded) => Line::Record(Box::new(recorded)),
        Err(problem) => Line::Unreadable(problem.message),
    }
}
