//! Lays the filter's code out by what calls pass through.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use layout::{Module, Profile, Sightings, laid_out, marked};

/// Lays the filter's code out by what calls pass through
///
/// The compiler knows neither which of the filter's functions a call needs nor which way it takes
/// through them. `apply` puts the functions that calls need side by side, and tells the engine
/// which branches they do not take, as the profile has it; and it leaves out the callbacks of
/// streams to which the filter has no answer. The code stays what it was.
///
/// The profile is made of a filter that `mark` has prepared: whenever a stream begins, it writes to
/// Envoy's log what was passed through since the one before began, and `learn` reads these logs.
#[derive(Parser)]
#[command(name = "layout")]
enum Command {
    /// Write a filter that logs what its calls pass through
    Mark { filter: PathBuf, output: PathBuf },
    /// Write the profile that the logs of a marked filter tell
    Learn {
        /// The filter as it was before it was marked
        filter: PathBuf,
        profile: PathBuf,
        #[arg(required = true)]
        logs: Vec<PathBuf>,
    },
    /// Write the filter as the profile has it, without the names of its functions
    Apply { filter: PathBuf, profile: PathBuf, output: PathBuf },
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<String, String> {
    match command {
        Command::Mark { filter, output } => {
            let bytes = read(&filter)?;
            let module = about(&filter, Module::read(&bytes))?;
            write(&output, &about(&filter, marked(&module))?)
        }
        Command::Learn { filter, profile, logs } => {
            let bytes = read(&filter)?;
            let module = about(&filter, Module::read(&bytes))?;
            let mut sightings = Sightings::new(&module);
            for log in logs {
                sightings.read(&read(&log)?);
            }
            let learnt = Profile::learn(&module, &sightings).map_err(|error| error.to_string())?;
            let written = write(&profile, learnt.to_string().as_bytes())?;
            Ok(format!("{written}: learnt from {} calls", sightings.calls()))
        }
        Command::Apply { filter, profile, output } => {
            let bytes = read(&filter)?;
            let module = about(&filter, Module::read(&bytes))?;
            let text = String::from_utf8(read(&profile)?)
                .map_err(|_| format!("{}: not text", profile.display()))?;
            let known = about(&profile, text.parse::<Profile>())?;
            let (code, fit) = about(&filter, laid_out(&module, &known))?;
            Ok(format!("{}: {fit}", write(&output, &code)?))
        }
    }
}

fn about<T>(file: &Path, result: Result<T, impl fmt::Display>) -> Result<T, String> {
    result.map_err(|error| format!("{}: {error}", file.display()))
}

#[expect(clippy::disallowed_methods, reason = "a tool that reads files")]
fn read(file: &Path) -> Result<Vec<u8>, String> {
    about(file, fs::read(file))
}

#[expect(clippy::disallowed_methods, reason = "a tool that writes files")]
fn write(file: &Path, bytes: &[u8]) -> Result<String, String> {
    if let Some(directory) = file.parent() {
        about(directory, fs::create_dir_all(directory))?;
    }
    about(file, fs::write(file, bytes))?;
    Ok(file.display().to_string())
}
