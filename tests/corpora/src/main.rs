//! Runs all corpora.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use corpora::Extent;

/// Puts what others test Cedar and JSON with before the gate's own code
///
/// Fails where an answer differs, and where a corpus has nothing to run.
#[derive(Parser)]
#[command(name = "corpora")]
struct Arguments {
    /// The directory of the corpora, which `tests/corpora/README.md` describes
    directory: PathBuf,
    /// Run only what `make test` runs
    #[arg(long)]
    sample: bool,
}

#[expect(clippy::print_stderr, reason = "this is where errors go")]
fn main() -> ExitCode {
    let Arguments { directory, sample } = Arguments::parse();
    let extent = if sample { Extent::SAMPLE } else { Extent::ALL };
    match corpora::run(&directory, extent) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
