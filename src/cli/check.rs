//! `toolgate check`: everything that is wrong with a bundle, and where.

use serde_json::{Value, json};

use super::directory;
use super::report::{self, Format, Problem};
use super::{BundleArgument, Exit, Stop};
use crate::bundle::BundleId;

/// Say everything that is wrong with a bundle, and where
///
/// A bundle that passes is one that the filter loads: both run the same code.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate check policies/acme
  toolgate check policies/acme --deny-warnings          in continuous integration
  toolgate check policies/acme --format json | jq '.findings[].message'")]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArgument,
    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let opened = directory::open(&arguments.bundle.bundle)?;
    let denied = arguments.deny_warnings && !opened.warnings.is_empty();
    // A bundle that is not accepted is not named as if it were.
    tell(Some(&opened.loaded.bundle.id).filter(|_| !denied), &opened.warnings, format)?;
    Ok(if denied { Exit::Invalid } else { Exit::Success })
}

/// Tells what was found: people on stderr, programs on stdout.
pub(super) fn tell(
    bundle: Option<&BundleId>,
    problems: &[Problem],
    format: Format,
) -> Result<(), Stop> {
    match format {
        Format::Human => {
            report::talk(&report::human(problems));
            report::talk(&format!("{}\n", summary(bundle, problems)));
        }
        Format::Json => report::data(&report::pretty(&as_json(bundle, problems)))?,
    }
    Ok(())
}

fn as_json(bundle: Option<&BundleId>, problems: &[Problem]) -> Value {
    json!({
        "valid": bundle.is_some(),
        "bundle": bundle,
        "findings": problems.iter().map(Problem::to_json).collect::<Vec<_>>(),
    })
}

fn summary(bundle: Option<&BundleId>, problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let counts = [(errors, "error"), (problems.len().saturating_sub(errors), "warning")];
    let counts =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what));
    let counts = counts.collect::<Vec<_>>().join(", ");
    match bundle {
        Some(bundle) if counts.is_empty() => format!("{bundle} is valid"),
        Some(bundle) => format!("{bundle} is valid, with {counts}"),
        None => counts,
    }
}

/// `1 error`, `2 errors`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
