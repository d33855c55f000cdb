//! The outcome of a run, and errors that stop it.

use std::process::ExitCode;

use super::report::Problem;
use crate::cli::files::FileError;

/// The outcome of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// The command succeeded.
    Success,
    /// The command failed.
    Failure,
    /// The explained call is refused.
    Refused,
    /// The question could be neither proved nor disproved.
    Unproved,
    /// The bundle or the input is invalid.
    Invalid,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Refused | Exit::Unproved => 2,
            Exit::Invalid => 3,
        })
    }
}

/// Why a run has no result.
#[derive(Debug)]
pub(in crate::cli) enum Stop {
    /// The user's input is invalid.
    Invalid(Vec<Problem>),
    /// A file could not be read or written.
    File(FileError),
    /// stdout cannot be written to.
    Output(std::io::Error),
}

impl From<Vec<Problem>> for Stop {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Invalid(problems)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl From<FileError> for Stop {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}
