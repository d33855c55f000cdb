//! `toolgate test --mutate`: changes of policies that no case notices.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bundle::Document;
use crate::cli::analysis::mutate::{self, Case, Mutations, Unnoticed};
use crate::cli::analysis::verdict::Verdict;
use crate::cli::input::cases::Suite;
use crate::cli::input::directory::SourceMap;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem, Progress, Tone, counted, tinted};
use crate::cli::output::source::Location;
use crate::gate::Gate;

pub(super) fn run(
    document: &Document,
    gate: &Gate,
    suite: &Suite,
    map: &SourceMap,
    format: Format,
) -> Result<Exit, Stop> {
    let failed = Verdict::all(gate, suite).iter().filter(|verdict| !verdict.passed()).count();
    if failed > 0 || suite.cases().next().is_none() {
        let message = match failed {
            0 => "there are no cases that could notice a change".to_owned(),
            failed => format!("{} already with the policies as they are", counted_failing(failed)),
        };
        let help = "`toolgate test` without `--mutate` shows the cases";
        return Err(Problem::new(message).with_help(help).into());
    }
    let progress = Progress::new("changes");
    let mutations = mutate::all(document, gate, suite, |count| progress.tell(count));
    progress.end();
    report::data(&match format {
        Format::Human => human(&mutations, map),
        Format::Json => report::pretty(&as_json(&mutations, map)),
    })?;
    // Whether a change makes any difference is only known where a call shows it.
    let shown = mutations.unnoticed.iter().any(|unnoticed| unnoticed.case.is_some());
    Ok(if shown { Exit::Failure } else { Exit::Success })
}

fn counted_failing(failed: usize) -> String {
    format!("{} {}", counted(failed, "case"), if failed == 1 { "fails" } else { "fail" })
}

fn human(mutations: &Mutations, map: &SourceMap) -> String {
    let mut text = String::new();
    for unnoticed in &mutations.unnoticed {
        let Unnoticed { layer, policy, change, case } = unnoticed;
        let place = map.policy(layer, policy).map(ToString::to_string).unwrap_or_default();
        let tone = if case.is_some() { Tone::Bad } else { Tone::Odd };
        let _ = writeln!(text, "{} {place}\n  {policy}: {change}", tinted(tone, "unnoticed"));
        match case {
            Some(Case { name, is_new: false, .. }) => {
                let _ = writeln!(text, "  the case `{name}` above would notice it, too");
            }
            Some(Case { file, yaml, .. }) => {
                if let Some(file) = file {
                    let _ = writeln!(text, "  # {file}");
                }
                text.push_str(yaml);
            }
            None => text.push_str("  no call was found that it makes a difference to\n"),
        }
        text.push('\n');
    }
    let unnoticed = mutations.unnoticed.len();
    let noticed = mutations.changes.saturating_sub(unnoticed);
    let all = counted(mutations.changes, "change");
    let tone = if unnoticed == 0 { Tone::Good } else { Tone::Bad };
    let summary = tinted(tone, &format!("{noticed} of {all} noticed by the cases"));
    let _ = writeln!(text, "{summary}");
    text
}

fn as_json(mutations: &Mutations, map: &SourceMap) -> Value {
    let unnoticed = mutations.unnoticed.iter().map(|unnoticed| {
        let place = map.policy(&unnoticed.layer, &unnoticed.policy);
        let lines = place.and_then(Location::lines);
        json!({
            "layer": unnoticed.layer,
            "policy": unnoticed.policy,
            "file": place.map(|place| &place.file.name),
            "line": lines.map(|[(line, _), _]| line),
            "change": unnoticed.change,
            "case": unnoticed.case.as_ref().map(|case| &case.yaml),
            "case_file": unnoticed.case.as_ref().and_then(|case| case.file.as_ref()),
        })
    });
    json!({ "changes": mutations.changes, "unnoticed": unnoticed.collect::<Vec<_>>() })
}
