//! The terminal edge: arguments → files → the core → text and an exit code. It decides nothing.
//!
//! The modules, in the order in which they build on each other:
//!
//! 1. `files` is the only file that touches the file system.
//! 2. `output` is what the terminal sees: problems with their locations, progress, the exit code.
//! 3. `input` reads what the user gives: bundle directories, YAML, Cedar policies, test files.
//! 4. `log` reads recorded decisions, and makes the recorded request of a line.
//! 5. `analysis` examines bundles and requests: it runs the exchange, lints, measures and proves.
//! 6. `offered` reads what tool servers offer.
//! 7. A command has a file or a directory of its own: `check`, `test`, `explain`, `diff`,
//!    `init`, `inventory`, `build`, `emit`, `keys`, `approvals`,
//!    `serve`. Commands do not import each other.
//!
//! Beside `files`, the other accesses to the machine have a module each: `clock`, `random`, and
//! `http`, which listens and connects.
//!
//! A new command is a module with `Arguments` and `run`, and an arm in `Command` and in `run`.
//!
#![doc = include_str!("cli.md")]

mod clock;
pub mod files;
pub mod output;
mod random;

pub mod input;
mod log;

mod http;

pub mod analysis;

mod offered;

pub mod approvals;
mod build;
mod check;
mod diff;
mod emit;
mod explain;
mod init;
mod inventory;
mod keys;
pub mod serve;
mod test;

use clap::{Parser, Subcommand};

use output::exit::{Exit, Stop};
use output::report::{self, Format, Problem};

/// Decides every tool call an AI agent makes, with Cedar policies, inside Envoy.
///
/// This command checks and tests a policy bundle, builds what Envoy loads, and explains decisions.
/// The bundle is a directory; policies/acme of the repository is one to copy.
#[derive(Debug, Parser)]
#[command(name = "toolgate", version, max_term_width = 100, after_long_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
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
enum Command {
    Init(init::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    Explain(explain::Arguments),
    Inventory(inventory::Arguments),
    Build(build::Arguments),
    Diff(diff::Arguments),
    Emit(Box<emit::Arguments>),
    Keys(keys::Arguments),
    Approvals(Box<approvals::Arguments>),
    Serve(serve::Arguments),
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
    let done = match &arguments.command {
        Command::Init(arguments) => init::run(arguments, format),
        Command::Check(arguments) => check::run(arguments, format),
        Command::Test(arguments) => test::run(arguments, format),
        Command::Explain(arguments) => explain::run(arguments, format),
        Command::Inventory(arguments) => inventory::run(arguments, format),
        Command::Build(arguments) => build::run(arguments, format),
        Command::Diff(arguments) => diff::run(arguments, format),
        Command::Emit(arguments) => emit::run(arguments, format),
        Command::Keys(arguments) => keys::run(arguments, format),
        Command::Approvals(arguments) => approvals::run(arguments, format),
        Command::Serve(arguments) => serve::run(arguments, format),
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
