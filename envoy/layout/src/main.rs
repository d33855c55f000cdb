//! Lays out the filter's code by a profile of calls.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use layout::{Module, Profile, Sightings, laid_out, marked};

/// Lays the filter's code out by a profile
///
/// The compiler knows neither which of the filter's functions a call needs nor which branches it
/// takes. `apply` puts the functions of the profile side by side and adds branch hints. What
/// functions do does not change. `strip` does what every build needs: it removes the names of
/// functions and the callbacks of streams that the filter does not implement.
///
/// The profile is made with a filter that `mark` has instrumented. Whenever a stream begins, it
/// writes to Envoy's log what the one before passed through, and `learn` reads these logs.
#[derive(Parser)]
#[command(name = "layout")]
enum Command {
    /// Write a filter that logs which functions and branches its calls take
    Mark { filter: PathBuf, output: PathBuf },
    /// Write the profile of the logs of a marked filter
    Learn {
        /// The filter as it was before it was marked
        filter: PathBuf,
        profile: PathBuf,
        #[arg(required = true)]
        logs: Vec<PathBuf>,
    },
    /// Write the filter without names and unimplemented callbacks
    Strip { filter: PathBuf, output: PathBuf },
    /// Write the stripped filter, laid out by a profile
    Apply {
        filter: PathBuf,
        profile: PathBuf,
        output: PathBuf,
        /// Fail where fewer than half of the profile's functions are unchanged
        #[arg(long)]
        require_fit: bool,
    },
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
        Command::Strip { filter, output } => {
            let bytes = read(&filter)?;
            let module = about(&filter, Module::read(&bytes))?;
            let (code, _) = about(&filter, laid_out(&module, &Profile::default()))?;
            write(&output, &code)
        }
        Command::Apply { filter, profile, output, require_fit } => {
            let bytes = read(&filter)?;
            let module = about(&filter, Module::read(&bytes))?;
            let text = String::from_utf8(read(&profile)?)
                .map_err(|_| format!("{}: not text", profile.display()))?;
            let known = about(&profile, text.parse::<Profile>())?;
            let (code, fit) = about(&filter, laid_out(&module, &known))?;
            if require_fit && !fit.is_enough() {
                return Err(format!("{}: {fit}: run `make profile`", profile.display()));
            }
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
