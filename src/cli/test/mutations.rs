//! `toolgate test --mutate`: changes that no case notices.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bundle::Document;
use crate::cli::analysis::mutate::{self, Case, Mutations, Place, Unnoticed};
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
    let shown = mutations.unnoticed.iter().any(matters);
    Ok(if shown { Exit::Failure } else { Exit::Success })
}

/// Whether a change makes a difference: of a policy, this is only known where a call shows it.
fn matters(unnoticed: &Unnoticed) -> bool {
    unnoticed.case.is_some() || matches!(unnoticed.place, Place::Setting(_))
}

fn location(place: &Place, map: &SourceMap) -> Option<Location> {
    match place {
        Place::Policy(layer, policy) => map.policy(layer, policy).cloned(),
        Place::Setting(key) => map.key(key),
    }
}

fn counted_failing(failed: usize) -> String {
    format!("{} {}", counted(failed, "case"), if failed == 1 { "fails" } else { "fail" })
}

fn human(mutations: &Mutations, map: &SourceMap) -> String {
    let mut text = String::new();
    for unnoticed in &mutations.unnoticed {
        let Unnoticed { place, change, case, hint } = unnoticed;
        let (Place::Policy(_, name) | Place::Setting(name)) = place;
        let place = location(place, map).map(|place| place.to_string()).unwrap_or_default();
        let tone = if matters(unnoticed) { Tone::Bad } else { Tone::Odd };
        let _ = writeln!(text, "{} {place}\n  {name}: {change}", tinted(tone, "unnoticed"));
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
            None if matters(unnoticed) => {}
            None => text.push_str("  no call was found that it makes a difference to\n"),
        }
        if let Some(hint) = hint {
            let _ = writeln!(text, "  {hint}");
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
        let place = location(&unnoticed.place, map);
        let lines = place.as_ref().and_then(Location::lines);
        let (layer, policy, setting) = match &unnoticed.place {
            Place::Policy(layer, policy) => (Some(layer), Some(policy), None),
            Place::Setting(key) => (None, None, Some(key)),
        };
        json!({
            "layer": layer,
            "policy": policy,
            "setting": setting,
            "file": place.as_ref().map(|place| &place.file.name),
            "line": lines.map(|[(line, _), _]| line),
            "change": unnoticed.change,
            "hint": unnoticed.hint,
            "case": unnoticed.case.as_ref().map(|case| &case.yaml),
            "case_file": unnoticed.case.as_ref().and_then(|case| case.file.as_ref()),
        })
    });
    json!({ "changes": mutations.changes, "unnoticed": unnoticed.collect::<Vec<_>>() })
}
