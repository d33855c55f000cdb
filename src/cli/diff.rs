//! `toolgate diff`: what changes between two bundles, and what comes of it.

mod human;
mod json;
mod structure;

use std::path::PathBuf;

use super::directory;
use super::report::{self, Format};
use super::{Exit, Stop};

use structure::Structure;

/// Say what changes between two bundles
///
/// Compares the policies as Cedar reads them, layers, tools with their arguments, types, entities
/// and settings: formatting and comments are no change. OLD and NEW are directories, or documents
/// that `toolgate build` wrote.
///
/// Changes that can let a call through that was refused before are marked with `!`. What is not
/// marked cannot, whatever the call.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate diff policies/acme policies/acme-next
  toolgate diff released.json policies/acme --format json | jq '.changes[] | select(.may_widen)'

Exit codes:
  0  nothing that was refused can be permitted now
  1  something can be
  3  a bundle, the input or the command line is invalid")]
pub(super) struct Arguments {
    /// The bundle in force: a directory, or a built document
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The bundle that is to follow it
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// Whether something passes in the new bundle that the old one refuses, as far as one way of
/// looking can tell.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Widening {
    /// Nothing does.
    None,
    /// It cannot be excluded.
    Possible,
}

impl From<Widening> for Exit {
    fn from(widening: Widening) -> Self {
        match widening {
            Widening::None => Self::Success,
            Widening::Possible => Self::Failure,
        }
    }
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let old = directory::open(&arguments.old)?;
    let new = directory::open(&arguments.new)?;
    let structure = Structure::compare(&old.document, &new.document);
    let bundles = [&old.loaded.bundle.id, &new.loaded.bundle.id];
    report::data(&match format {
        Format::Human => human::tell(bundles, &structure),
        Format::Json => report::pretty(&json::tell(bundles, &structure)),
    })?;
    Ok(structure.widening().into())
}
