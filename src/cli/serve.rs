//! `toolgate serve`: decides for what is not behind a proxy with the filter.
//!
#![doc = include_str!("serve/authzen.md")]

mod authzen;

use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::Format;

/// Serve decisions to what is not behind a proxy with the filter
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Debug, clap::Subcommand)]
enum Protocol {
    Authzen(authzen::Arguments),
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    match &arguments.protocol {
        Protocol::Authzen(arguments) => authzen::run(arguments),
    }
}
