//! The terminal edge: arguments → files → the library → text and an exit code. It decides nothing.
//!
#![doc = include_str!("cli.md")]

mod build;
mod check;
mod configuration;
mod diff;
mod emit;
mod explain;
mod inventory;
mod lint;
mod test;

pub mod cases;
pub mod coverage;
pub mod directory;
pub mod files;
mod flow;
mod hidden;
mod nearby;
mod policies;
mod prove;
mod questions;
mod reads;
mod recorded;
pub mod report;
mod scope;
mod sign;
mod total;
mod trust;
mod yaml;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::bundle::EnvironmentName;
use report::Format;

pub use report::Problem;

/// Decides every tool call an AI agent makes, with Cedar policies, inside Envoy.
///
/// This command checks and tests a policy bundle, builds what Envoy loads, and explains decisions.
/// The bundle is a directory; policies/acme of the repository is one to copy.
#[derive(Debug, Parser)]
#[command(name = "toolgate", version, max_term_width = 100, after_long_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// How results and findings are told
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

const EXIT_CODES: &str = "Exit codes:
  0  it worked; the call is permitted
  1  it failed: a test case, a file that cannot be read or written; the new bundle may permit
     what the old one refuses, or the log shows nothing about it (diff)
  2  the call is refused (explain); not everything could be proved (diff --prove)
  3  the bundle, the input or the command line is invalid";

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Arguments),
    Test(test::Arguments),
    Explain(explain::Arguments),
    Inventory(inventory::Arguments),
    Build(build::Arguments),
    Diff(diff::Arguments),
    Emit(emit::Arguments),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// It worked.
    Success,
    /// It failed.
    Failure,
    /// The call that was explained is refused.
    Refused,
    /// What was asked could not be proved, and not be disproved either.
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

/// Why a run produced nothing.
#[derive(Debug)]
enum Stop {
    /// What the user gave is invalid.
    Invalid(Vec<Problem>),
    /// A file could not be read or written.
    File(files::FileError),
    /// stdout does not take the result.
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

impl From<cases::SuiteError> for Stop {
    fn from(error: cases::SuiteError) -> Self {
        match error {
            cases::SuiteError::Invalid(problems) => Self::Invalid(problems),
            cases::SuiteError::File(error) => Self::File(error),
        }
    }
}

impl From<files::FileError> for Stop {
    fn from(error: files::FileError) -> Self {
        Self::File(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

/// The bundle that a verb works on.
#[derive(Debug, clap::Args)]
struct BundleArgument {
    /// The bundle's directory, or the document that was built of it
    #[arg(default_value = ".", value_name = "DIR")]
    bundle: PathBuf,
}

/// The environment that a bundle is for.
#[derive(Debug, clap::Args)]
struct EnvironmentArgument {
    /// The environment, such as `production`: what `DIR/environments/NAME` says is different there
    /// applies, and policies and records see the name
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentName>,
}

/// Parses the command line of this process and runs it.
pub fn main() -> Exit {
    match Arguments::try_parse() {
        Ok(arguments) => run(&arguments),
        Err(error) => {
            // What cannot be printed cannot be told either.
            let _ = error.print();
            if error.use_stderr() { Exit::Invalid } else { Exit::Success }
        }
    }
}

fn run(arguments: &Arguments) -> Exit {
    let format = arguments.format;
    let done = match &arguments.verb {
        Verb::Check(arguments) => check::run(arguments, format),
        Verb::Test(arguments) => test::run(arguments, format),
        Verb::Explain(arguments) => explain::run(arguments, format),
        Verb::Inventory(arguments) => inventory::run(arguments, format),
        Verb::Build(arguments) => build::run(arguments, format),
        Verb::Diff(arguments) => diff::run(arguments, format),
        Verb::Emit(arguments) => emit::run(arguments, format),
    };
    done.unwrap_or_else(|stop| told(&stop, format))
}

/// Says why there is no result.
fn told(stop: &Stop, format: Format) -> Exit {
    match stop {
        Stop::Invalid(problems) => {
            let result = check::tell(problems, format);
            if result.is_ok() { Exit::Invalid } else { Exit::Failure }
        }
        Stop::File(error) => {
            report::talk(&report::human(&[Problem::new(error.to_string())]));
            Exit::Failure
        }
        Stop::Output(error) => {
            report::talk(&format!("cannot write the result: {error}\n"));
            Exit::Failure
        }
    }
}
