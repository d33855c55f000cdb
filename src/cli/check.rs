//! `toolgate check`: everything that is wrong with a bundle, and where.

mod codes;

use serde_json::{Map, Value, json};

use super::directory::{self, Opened};
use super::report::{self, Format, Problem};
use super::trust::TrustArgument;
use super::{BundleArgument, Exit, Stop};
use crate::bundle::{Code, EnvironmentName, Severity};

/// Say everything that is wrong with a bundle, and where
///
/// A bundle that passes is one that the filter loads: both run the same code.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate check policies/acme
  toolgate check policies/acme --deny-warnings          in continuous integration
  toolgate check policies/acme --format json | jq '.findings[].message'
  toolgate check acme.json --trust trust.yaml           would a filter that demands this take it?
  toolgate check --explain impossible-policy            what a finding means
  toolgate check --list                                 all there are

trust.yaml:
  keys:
    - name: ci
      public_key: MCowBQYDK2VwAyEA7WSwXDcL4IZ3KqSIlqNdwCIxoenw/4fCyjHl48TQ9Bw=
      expires: 2027-06-30T00:00:00Z
  minimum_version: 7")]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArgument,
    /// Check this environment only, instead of the bundle as such and in all its environments
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    trust: TrustArgument,
    /// Say what a code means, with an example and what to do, and check nothing
    #[arg(long, value_name = "CODE", hide_possible_values = true)]
    explain: Option<Code>,
    /// List all codes, and check nothing
    #[arg(long, conflicts_with = "explain")]
    list: bool,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    if let Some(text) = reference(arguments, format) {
        report::data(&text)?;
        return Ok(Exit::Success);
    }
    let (all, problems) = open(arguments)?;
    for opened in &all {
        arguments.trust.demand(&opened.document)?;
    }
    let warned = problems.iter().any(|problem| problem.severity() == Severity::Warning);
    let denied = arguments.deny_warnings && warned;
    // A bundle that is not accepted is not named as if it were.
    tell(if denied { &[] } else { &all }, &problems, format)?;
    Ok(if denied { Exit::Invalid } else { Exit::Success })
}

/// The bundle in the environment that is asked for, or else in all of them and without any.
fn open(arguments: &Arguments) -> Result<(Vec<Opened>, Vec<Problem>), Vec<Problem>> {
    let path = &arguments.bundle.bundle;
    let Some(name) = &arguments.environment else { return directory::open_all(path) };
    let mut opened = directory::open_for(path, Some(name))?;
    let warnings = std::mem::take(&mut opened.warnings);
    Ok((vec![opened], warnings))
}

/// What the codes mean, where that is asked.
fn reference(arguments: &Arguments, format: Format) -> Option<String> {
    Some(match (arguments.explain, arguments.list, format) {
        (Some(code), _, Format::Human) => codes::explained(code),
        (Some(code), _, Format::Json) => report::pretty(&codes::to_json(code)),
        (None, true, Format::Human) => codes::list(),
        (None, true, Format::Json) => {
            let all = Code::ALL.iter().map(|code| codes::to_json(*code));
            report::pretty(&json!({ "codes": all.collect::<Vec<_>>() }))
        }
        (None, false, _) => return None,
    })
}

/// Tells what was found: people on stderr, programs on stdout.
pub(super) fn tell(bundles: &[Opened], problems: &[Problem], format: Format) -> Result<(), Stop> {
    match format {
        Format::Human => {
            report::talk(&report::human(problems));
            report::talk(&format!("{}\n", summary(bundles, problems)));
        }
        Format::Json => report::data(&report::pretty(&as_json(bundles, problems)))?,
    }
    Ok(())
}

fn as_json(bundles: &[Opened], problems: &[Problem]) -> Value {
    let environments = bundles.iter().filter_map(|opened| {
        let name = opened.document.environment.as_ref()?;
        Some((name.to_string(), json!(opened.loaded.bundle.id)))
    });
    json!({
        "valid": !bundles.is_empty(),
        "bundle": bundles.first().map(|opened| &opened.loaded.bundle.id),
        "environments": environments.collect::<Map<_, _>>(),
        "findings": problems.iter().map(Problem::to_json).collect::<Vec<_>>(),
    })
}

fn summary(bundles: &[Opened], problems: &[Problem]) -> String {
    let counts = [Severity::Error, Severity::Warning, Severity::Hint].map(|severity| {
        (
            problems.iter().filter(|problem| problem.severity() == severity).count(),
            severity.as_str(),
        )
    });
    let counts =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let valid: Vec<String> =
        bundles.iter().map(|opened| format!("{} is valid", opened.title())).collect();
    match valid.join("\n") {
        valid if valid.is_empty() => counts,
        valid if counts.is_empty() => valid,
        valid => format!("{valid}, with {counts}"),
    }
}

/// `1 error`, `2 errors`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
