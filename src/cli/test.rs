//! `toolgate test`: the bundle's cases, and which policies no case has reached.

use std::fmt::Write as _;
use std::path::Path;

use cedar_policy::Effect;
use serde_json::{Value, json};

use super::cases::{Coverage, Suite, Verdict};
use super::check::counted;
use super::directory::{self, SourceMap};
use super::report::{self, Format, Problem, Tone, tinted};
use super::{BundleArgument, Exit, Stop};
use crate::bundle::BundleId;
use crate::config::Gate;

/// Run the cases in DIR/tests and say which policies none of them has reached
///
/// A case is a request by a known person and agent, and what must come of it: decision, reason and
/// the exact set of policies. It runs through the same code as in the filter, and in pieces too.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate test policies/acme
  toolgate test policies/acme --format json | jq '.policies[] | select(.cases == 0).id'

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
    /// The environment that policies see
    #[arg(long, value_name = "NAME", default_value = "")]
    environment: String,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let directory = &arguments.bundle.bundle;
    let opened = directory::open(directory)?;
    let suite = Suite::read(&directory::tests(directory)?)?;
    if suite.cases().next().is_none() {
        let message = format!("there are no cases in `{}`", directory.join("tests").display());
        return Err(Problem::new(message).with_help("`toolgate test --help` shows one").into());
    }
    let environment = arguments.environment.clone();
    let gate = Gate::new(opened.loaded.bundle, environment);
    let (verdicts, coverage) = suite.run(&gate);
    let told = Told { directory, bundle: &gate.bundle.id, map: &opened.map, verdicts, coverage };
    report::talk(&report::human(&opened.warnings));
    report::data(&match format {
        Format::Human => told.human(),
        Format::Json => report::pretty(&told.json()),
    })?;
    Ok(if told.failed() == 0 { Exit::Success } else { Exit::Failure })
}

/// What there is to tell of a run.
struct Told<'a> {
    directory: &'a Path,
    bundle: &'a BundleId,
    map: &'a SourceMap,
    verdicts: Vec<Verdict<'a>>,
    coverage: Vec<Coverage>,
}

impl Told<'_> {
    fn failed(&self) -> usize {
        self.verdicts.iter().filter(|verdict| !verdict.passed()).count()
    }

    fn human(&self) -> String {
        let mut text = String::new();
        for verdict in self.verdicts.iter().filter(|verdict| !verdict.passed()) {
            text.push_str(&self.failure(verdict));
        }
        text.push_str(&self.policies());
        let failed = self.failed();
        let passed = self.verdicts.len().saturating_sub(failed);
        let reached = self.coverage.iter().filter(|coverage| coverage.cases > 0).count();
        let outcome = if failed == 0 {
            tinted(Tone::Good, &format!("{} passed", counted(passed, "case")))
        } else {
            let all = counted(self.verdicts.len(), "case");
            tinted(Tone::Bad, &format!("{failed} of {all} failed"))
        };
        let policies = self.coverage.len();
        // Writing to a `String` cannot fail.
        let _ =
            writeln!(text, "{outcome}; {reached} of {policies} policies reached\n{}", self.bundle);
        text
    }

    fn failure(&self, verdict: &Verdict<'_>) -> String {
        let name = &verdict.case.name;
        let mut text = format!("{} {}\n  {name}\n", tinted(Tone::Bad, "failed"), verdict.place);
        for mismatch in &verdict.mismatches {
            let (expected, actual) = (plain(&mismatch.expected), plain(&mismatch.actual));
            let _ = writeln!(
                text,
                "    {:9} expected {expected}\n{:14}but got  {actual}",
                mismatch.what, ""
            );
        }
        if let Some(fault) = &verdict.fault {
            let _ = writeln!(text, "    the way the body arrives makes a difference: {fault}");
        }
        let more = format!("toolgate explain {} --case {name:?}", self.directory.display());
        let _ = writeln!(text, "  {}\n", tinted(Tone::Quiet, &format!("for more: {more}")));
        text
    }

    fn policies(&self) -> String {
        let width = self.coverage.iter().map(|coverage| coverage.policy.len()).max().unwrap_or(0);
        let mut text =
            format!("{}\n", tinted(Tone::Heading, "policies and the cases they determined"));
        for Coverage { layer, policy, effect, cases } in &self.coverage {
            let place = self.map.policy(layer, policy).map(ToString::to_string).unwrap_or_default();
            let line = format!("  {cases:5}  {:6}  {policy:width$}  {place}", effect_name(*effect));
            let line = if *cases == 0 { tinted(Tone::Odd, &line) } else { line };
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
        text
    }

    fn json(&self) -> Value {
        let cases = self.verdicts.iter().map(|verdict| {
            let mismatches = verdict.mismatches.iter().map(|mismatch| {
                json!({ "what": mismatch.what, "expected": mismatch.expected, "actual": mismatch.actual })
            });
            json!({
                "name": verdict.case.name,
                "file": verdict.place.file.name,
                "line": verdict.place.lines().map(|[(line, _), _]| line),
                "passed": verdict.passed(),
                "mismatches": mismatches.collect::<Vec<_>>(),
                "fault": verdict.fault,
            })
        });
        let policies = self.coverage.iter().map(|Coverage { layer, policy, effect, cases }| {
            json!({ "layer": layer, "id": policy, "effect": effect_name(*effect), "cases": cases })
        });
        json!({
            "bundle": self.bundle,
            "passed": self.failed() == 0,
            "cases": cases.collect::<Vec<_>>(),
            "policies": policies.collect::<Vec<_>>(),
        })
    }
}

fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}

/// Strings and lists of strings without JSON's quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Null => "none".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
