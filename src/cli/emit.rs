//! `toolgate emit`: a bundle as configuration that a proxy takes as it is.

mod ecds;

use std::path::PathBuf;

use clap::Subcommand;

use super::build;
use super::report::Format;
use super::{Exit, Stop};

/// Write configuration that a proxy loads as it is
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    Ecds(ecds::Arguments),
}

/// Where the result goes.
#[derive(Debug, clap::Args)]
struct Output {
    /// Write to this file, replacing it in one step, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    let (configuration, output) = match &arguments.target {
        Target::Ecds(arguments) => (&arguments.configuration, &arguments.output),
    };
    let opened = configuration.open()?;
    let text = match &arguments.target {
        Target::Ecds(arguments) => ecds::emit(arguments, &opened),
    }?;
    build::write(output.output.as_ref(), text.as_bytes())?;
    build::tell(&opened);
    Ok(Exit::Success)
}
