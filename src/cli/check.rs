//! `toolgate check`: reports every problem of a bundle with its location.

mod codes;
mod review;

use serde_json::{Map, Value, json};

use crate::bundle::{Code, EnvironmentName, Severity};
use crate::cli::analysis::lint::Reviewed;
use crate::cli::input::arguments::BundleArgument;
use crate::cli::input::directory::Opened;
use crate::cli::input::trust::TrustArgument;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem, counted};

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
    /// Show what the bundle accepts, with the reasons
    #[arg(long)]
    accepted: bool,
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
    let reviewed = review::all(&arguments.bundle.bundle, arguments.environment.as_ref());
    let (all, reviewed) = match reviewed {
        Err(Stop::Invalid(open)) => {
            tell_reviewed(&[], &Reviewed { open, ..Reviewed::default() }, format)?;
            return Ok(Exit::Invalid);
        }
        reviewed => reviewed?,
    };
    for opened in &all {
        arguments.trust.demand(&opened.document)?;
    }
    let worst = if arguments.deny_warnings { Severity::Warning } else { Severity::Error };
    let denied = reviewed.open.iter().any(|problem| problem.severity() <= worst);
    if arguments.accepted && format == Format::Human {
        report::data(&report::human(&accepted(&reviewed)))?;
    }
    // A rejected bundle must not be listed as a valid one.
    tell_reviewed(if denied { &[] } else { &all }, &reviewed, format)?;
    Ok(if denied { Exit::Invalid } else { Exit::Success })
}

/// The accepted findings, with the reason for acceptance as help text.
fn accepted(reviewed: &Reviewed) -> Vec<Problem> {
    let told = |(problem, reason): &(Problem, String)| {
        problem.clone().with_help(format!("accepted: {reason}"))
    };
    reviewed.accepted.iter().map(told).collect()
}

/// The reference text for `--explain` or `--list`, if either was given.
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

/// Reports why another command has no result: to people on stderr, to programs on stdout.
pub(super) fn tell(problems: &[Problem], format: Format) -> Result<(), Stop> {
    let reviewed = Reviewed { open: problems.to_vec(), ..Reviewed::default() };
    match format {
        Format::Human => {
            report::talk(&report::human(problems));
            report::talk(&format!("{}\n", summary(&[], &reviewed)));
            Ok(())
        }
        Format::Json => tell_reviewed(&[], &reviewed, format),
    }
}

/// Reports the findings, the result of this command.
fn tell_reviewed(bundles: &[Opened], reviewed: &Reviewed, format: Format) -> Result<(), Stop> {
    match format {
        Format::Human => {
            report::data(&report::human(&reviewed.open))?;
            report::data(&format!("{}\n", summary(bundles, reviewed)))?;
        }
        Format::Json => report::data(&report::pretty(&as_json(bundles, reviewed)))?,
    }
    Ok(())
}

fn as_json(bundles: &[Opened], reviewed: &Reviewed) -> Value {
    let environments = bundles.iter().filter_map(|opened| {
        let name = opened.document.environment.as_ref()?;
        Some((name.to_string(), json!(opened.loaded.bundle.id)))
    });
    let accepted = reviewed.accepted.iter().map(|(problem, reason)| {
        let mut problem = problem.to_json();
        if let Value::Object(members) = &mut problem {
            members.insert("reason".to_owned(), json!(reason));
        }
        problem
    });
    json!({
        "valid": !bundles.is_empty(),
        "bundle": bundles.first().map(|opened| &opened.loaded.bundle.id),
        "environments": environments.collect::<Map<_, _>>(),
        "findings": reviewed.open.iter().map(Problem::to_json).collect::<Vec<_>>(),
        "accepted": accepted.collect::<Vec<_>>(),
    })
}

fn summary(bundles: &[Opened], reviewed: &Reviewed) -> String {
    let problems = &reviewed.open;
    let counts = [Severity::Error, Severity::Warning, Severity::Hint].map(|severity| {
        (
            problems.iter().filter(|problem| problem.severity() == severity).count(),
            severity.as_str(),
        )
    });
    let counts =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what));
    let accepted = reviewed.accepted.len();
    let accepted = (accepted > 0).then(|| format!("{accepted} accepted"));
    let counts = counts.chain(accepted).collect::<Vec<_>>().join(", ");
    let valid: Vec<String> =
        bundles.iter().map(|opened| format!("{} is valid", opened.title())).collect();
    // A finding that holds in several environments is counted once.
    let counts = Some(counts).filter(|counts| !counts.is_empty() || valid.is_empty());
    valid.into_iter().chain(counts).collect::<Vec<_>>().join("\n")
}
