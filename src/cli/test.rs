//! `toolgate test`: runs the bundle's test cases and measures their coverage.

mod human;
mod json;
mod junit;
mod mutations;
mod progress;
mod summary;
mod untested;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::bundle::{Manifest, Percent};
use crate::cli::analysis::coverage::{Coverage, Measure, suggest};
use crate::cli::analysis::verdict::Verdict;
use crate::cli::files;
use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};
use crate::cli::input::cases::Suite;
use crate::cli::input::directory::{self, Opened};
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem};
use crate::gate::Gate;
use summary::Summary;

/// Run the cases in DIR/tests and say which policies, tools and reasons they reach
///
/// A case is a request by a known person and agent, and what must come of it: decision, reason and
/// the exact set of policies. It runs through the same code as in the filter, and in pieces too.
///
/// The coverage of a class of tools is the share of its goals that the cases reach. For each tool
/// the goals are a permitted call and one that policies refuse; for each label on its result, a call
/// that reveals it and one that does not; for each policy whose scope admits a tool of the class or
/// such a label, a call to one of these tools whose outcome, or whose label, it determines. Where
/// `coverage` in bundle.yaml or --minimum asks for more, the run fails and shows cases that help.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate test policies/acme
  toolgate test policies/acme --filter refund
  toolgate test policies/acme --minimum 100 --junit report.xml
  toolgate test policies/acme --mutate                  would a moved limit be noticed?
  toolgate test policies/acme --format json | jq '.coverage.policies[] | select(.determined == 0).id'

A case:
  identities:
    alice: { tokens: { session: { sub: alice, roles: [rep], act: { sub: support-bot } } } }
  cases:
    - name: a rep reads a contact
      as: alice
      call: { path: /crm/mcp, tool: get_contact, arguments: { contact_id: c-1 } }
      expect: { decision: PERMIT, reason: permitted, policies: [rep-reads-contacts] }")]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArgument,
    #[command(flatten)]
    environment: EnvironmentArgument,
    /// Run only cases whose name contains this, and judge no coverage
    #[arg(long, value_name = "TEXT", conflicts_with = "minimum")]
    filter: Option<String>,
    /// How much of all tools and policies the cases must reach, in percent
    #[arg(long, value_name = "PERCENT")]
    minimum: Option<Percent>,
    /// Change the policies one place at a time instead, and say which changes no case notices
    ///
    /// Constants, comparisons, `&&` and `||`, roles and effects are changed. For each change that
    /// no case notices, the case that would is searched.
    #[arg(long, conflicts_with_all = ["filter", "minimum", "junit"])]
    mutate: bool,
    /// Write the result as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let directory = &arguments.bundle.bundle;
    let name = arguments.environment.environment.as_ref();
    let Opened { document, loaded, map, .. } = directory::open_for(directory, name)?;
    let special = directory::tests_for(directory, name)?;
    let suite = Suite::read(&directory::tests(directory)?, &special)?;
    let gate = Gate::without_servers(loaded.bundle, document.environment_name());
    if arguments.mutate {
        return mutations::run(&document, &gate, &suite, &map, format);
    }
    if suite.cases().next().is_none() {
        let channels = &document.manifest.channels;
        return Err(untested::tell(directory, &gate, channels, &suite, format));
    }
    let (verdicts, coverage) = run_cases(arguments, &gate, &suite)?;
    let measures = measures(arguments, &document.manifest, &coverage);
    let goals = measures.iter().filter(|measure| !measure.is_enough());
    let goals: BTreeSet<_> = goals.flat_map(|measure| measure.missing.clone()).collect();
    let goals: Vec<_> = goals.into_iter().collect();
    let channels = &document.manifest.channels;
    let suggestions = suggest(&gate, channels, &suite, &coverage, &goals);
    let bundle = &gate.bundle.id;
    let filter = arguments.filter.as_deref();
    let map = &map;
    let summary = Summary {
        directory,
        environment: name,
        bundle,
        map,
        filter,
        verdicts,
        coverage,
        measures,
        suggestions,
    };
    if let Some(path) = &arguments.junit {
        files::replace(path, &summary.junit()?)?;
    }
    report::data(&match format {
        Format::Human => summary.human(),
        Format::Json => report::pretty(&summary.json()),
    })?;
    Ok(if summary.passed() { Exit::Success } else { Exit::Failure })
}

fn run_cases<'a>(
    arguments: &Arguments,
    gate: &Gate,
    suite: &'a Suite,
) -> Result<(Vec<Verdict<'a>>, Coverage), Problem> {
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let chosen: Vec<_> = suite.cases().filter(|(_, case, _)| case.name.contains(filter)).collect();
    if chosen.is_empty() {
        let help = "`toolgate test --format json` lists all cases";
        return Err(Problem::new(format!("no case has `{filter}` in its name")).with_help(help));
    }
    let mut coverage = Coverage::of(&gate.bundle);
    let mut progress = progress::Progress::of(chosen.len());
    let verdicts = chosen.into_iter().map(|(file, case, place)| {
        let verdict = Verdict::of(gate, file, case, place);
        if let Some(outcome) = &verdict.outcome {
            coverage.count(gate, &verdict.trace, outcome);
        }
        progress.advance();
        verdict
    });
    let verdicts = verdicts.collect();
    progress.clear();
    Ok((verdicts, coverage))
}

/// The coverage of every class, then of all tools; none if only some cases ran.
fn measures(arguments: &Arguments, manifest: &Manifest, coverage: &Coverage) -> Vec<Measure> {
    let judged = arguments.filter.is_none();
    let classes = coverage.classes().map(|class| {
        let minimum = manifest.coverage.get(class).copied().filter(|_| judged);
        coverage.measure(Some(class), minimum)
    });
    classes.chain([coverage.measure(None, arguments.minimum)]).collect()
}
