//! `toolgate diff`: compares two bundles and their decisions.

mod human;
mod json;
mod lists;
mod log;
mod structure;
mod widening;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::cli::analysis::prove::{self, Proof};
use crate::cli::input::arguments::EnvironmentArgument;
use crate::cli::input::directory::{self, Opened};
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem};
use crate::gate::Gate;

use structure::Structure;
use structure::change::{Bearing, Part};

/// Say what changes between two bundles, and what comes of it
///
/// Compares the policies as Cedar reads them, layers, tools with their arguments, types, entities
/// and settings: formatting and comments are no change. OLD and NEW are directories, or documents
/// that `toolgate build` wrote. --environment is for both: a document must have been built for it.
/// If NEW is a directory, the lists of tools that change for the identities of its tests are shown.
/// Changes that can let a call through that was refused before are marked with `!`. What is not
/// marked cannot, whatever the call.
///
/// With --log, every recorded call is put to both bundles, and those are told that would be decided
/// otherwise.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate diff released.json policies/acme --environment production
  toolgate diff policies/acme policies/acme-next --format json | jq '.changes[] | select(.may_widen)'

  Which of yesterday's calls would be decided otherwise:
  toolgate diff released.json policies/acme --environment production --log decisions.ndjson

  What the candidate bundle said about the calls that it saw, as the gate recorded it:
  toolgate diff --candidate --log decisions.ndjson

Exit codes:
  0  nothing passes that was refused: no recorded call with --log or --candidate, otherwise none
     at all
  1  something passes that was refused, it cannot be excluded, or nothing of a log was compared
  2  with --prove: nothing is shown to be wider, and not everything is proved
  3  a bundle, the input or the command line is invalid")]
pub(super) struct Arguments {
    /// The bundle in force: a directory, or a built document
    #[arg(value_name = "OLD", required_unless_present = "candidate")]
    old: Option<PathBuf>,
    /// The bundle that is to follow it
    #[arg(value_name = "NEW", required_unless_present = "candidate")]
    new: Option<PathBuf>,
    #[command(flatten)]
    environment: EnvironmentArgument,
    /// Put the calls of a decision log to both bundles; can be given several times
    #[arg(long = "log", value_name = "FILE|-")]
    logs: Vec<PathBuf>,
    /// Say what the candidate and policies in shadow said about the recorded calls, without
    /// deciding anything
    #[arg(long, requires = "logs", conflicts_with_all = ["old", "new", "environment"])]
    candidate: bool,
    /// Prove for every tool whether NEW permits a call that OLD refuses, and for every label of
    /// results whether NEW shows what OLD withholds, with the solver cvc5
    ///
    /// The executable is `cvc5` in PATH, or what the environment variable CVC5 names.
    #[arg(long, conflicts_with_all = ["logs", "candidate"])]
    prove: bool,
    /// How long the solver may take for one question
    #[arg(
        long, value_name = "SECONDS", default_value = "30", requires = "prove",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    timeout: u64,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    match (&arguments.old, &arguments.new) {
        (Some(old), Some(new)) if arguments.prove => prove(arguments, old, new, format),
        (Some(old), Some(new)) => compare(arguments, old, new, format),
        // clap requires both or neither.
        (None, _) | (_, None) if arguments.candidate => candidate(arguments, format),
        (None, _) | (_, None) => Err(Problem::new("there are not two bundles to compare").into()),
    }
}

/// Opens both bundles, for the given environment if there is one.
fn open(arguments: &Arguments, old: &Path, new: &Path) -> Result<[Opened; 2], Stop> {
    let environment = arguments.environment.environment.as_ref();
    Ok([directory::open_for(old, environment)?, directory::open_for(new, environment)?])
}

fn compare(arguments: &Arguments, old: &Path, new: &Path, format: Format) -> Result<Exit, Stop> {
    let bundles = open(arguments, old, new)?;
    let [before, after] = &bundles;
    let ids = [before, after].map(|opened| (*opened.loaded.bundle.id).clone());
    let structure = Structure::compare(&before.document, &after.document);
    let lists = lists::compare(&bundles, new)?;
    let account = if arguments.logs.is_empty() {
        None
    } else {
        Some(log::replay(&arguments.logs, bundles, &structure, new)?)
    };
    report::data(&match format {
        Format::Human => human::tell(&ids, &structure, account.as_ref()) + &lists::human(&lists),
        Format::Json => {
            report::pretty(&json::tell(&ids, &structure, account.as_ref(), &lists::json(&lists)))
        }
    })?;
    Ok(account.map_or(structure.widening(), |account| account.widening()).into())
}

fn candidate(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let account = log::candidate(&arguments.logs)?;
    report::data(&match format {
        Format::Human => log::human(&account),
        Format::Json => report::pretty(&log::json(&account)),
    })?;
    Ok(account.widening().into())
}

fn prove(arguments: &Arguments, old: &Path, new: &Path, format: Format) -> Result<Exit, Stop> {
    let bundles = open(arguments, old, new)?;
    let [before, after] = &bundles;
    let ids = [before, after].map(|opened| (*opened.loaded.bundle.id).clone());
    let structure = Structure::compare(&before.document, &after.document);
    let [old, new] = &ids;
    let proof = if old.digest == new.digest {
        Proof::of_the_same()
    } else {
        proof(bundles, &structure, Duration::from_secs(arguments.timeout))
    };
    report::data(&match format {
        Format::Human => human::tell(&ids, &structure, None) + &prove::human(&proof),
        Format::Json => {
            let mut told = json::tell(&ids, &structure, None, &Value::Null);
            if let Some(told) = told.as_object_mut() {
                told.insert("proof".to_owned(), prove::json(&proof));
            }
            report::pretty(&told)
        }
    })?;
    Ok(proof.exit())
}

fn proof([old, new]: [Opened; 2], structure: &Structure, timeout: Duration) -> Proof {
    let schema = new.loaded.schema_text.clone();
    let gate = |opened: Opened| {
        let environment = opened.document.environment_name();
        Gate::without_servers(opened.loaded.bundle, environment)
    };
    let gates = [gate(old), gate(new)];
    prove::compare(gates, &schema, doubts(structure), timeout)
}

/// Changed settings that affect decisions before policies are evaluated.
fn doubts(structure: &Structure) -> Vec<String> {
    let changed = structure.changes.iter().filter(|change| {
        // The proof covers these two.
        let proved = change.name == "mode" || change.name.starts_with("layers.");
        change.part == Part::Setting && change.bearing == Bearing::MayWiden && !proved
    });
    changed.map(|change| format!("the setting `{}` changes", change.name)).collect()
}
