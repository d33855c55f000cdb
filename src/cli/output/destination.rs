//! Where a command writes its result.

use std::path::PathBuf;

use super::exit::Stop;
use super::report;
use crate::cli::files;

/// A file, or stdout.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Destination {
    /// Write to this file, replacing it in one step, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Destination {
    /// Writes the result.
    pub(in crate::cli) fn write(&self, content: &[u8]) -> Result<(), Stop> {
        match &self.output {
            Some(path) => files::replace(path, content)?,
            None => report::bytes(content)?,
        }
        Ok(())
    }
}
