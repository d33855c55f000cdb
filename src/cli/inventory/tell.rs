//! Prints changes for review, and notes to add to `bundle.yaml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::changes::{Change, Changes};
use super::moves::Moves;
use crate::cli::analysis::schema_facts::facts;
use crate::cli::offered::{Proposal, scalar};
use crate::cli::output::escape::shown;
use crate::cli::output::report::{Tone, counted, tinted};

/// Maximum length of texts shown on one line.
const SHORT: usize = 40;

/// All changes, one block per tool.
pub(super) fn changes(changes: &Changes) -> String {
    let mut text = String::new();
    for tool in &changes.added {
        let _ = writeln!(text, "{}      {}", tinted(Tone::Odd, "new"), said(tool, "name"));
        for line in said(tool, "description").lines() {
            let _ = writeln!(text, "    {line}");
        }
        text.push_str(&new(tool));
    }
    for tool in &changes.removed {
        let _ = writeln!(text, "{}     {}", tinted(Tone::Odd, "gone"), shown(tool));
    }
    for changed in &changes.changed {
        let _ = writeln!(text, "{}  {}", tinted(Tone::Bad, "changed"), shown(&changed.tool));
        for change in &changed.changes {
            text.push_str(&told(change));
        }
    }
    text
}

/// What a new tool is, argument by argument.
fn new(tool: &Value) -> String {
    let mut text = String::new();
    let members = ["title", "annotations"].map(|member| (member, tool.get(member)));
    for (member, value) in members.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let _ = writeln!(text, "    {member}: {}", plain(value));
    }
    // Every schema of arguments is one of an object.
    let is_telling = |path: &str, facts: &BTreeMap<String, Value>| {
        !path.is_empty() || facts.keys().any(|keyword| keyword != "type")
    };
    let arguments = tool.get("inputSchema").map(facts).unwrap_or_default();
    for (path, facts) in arguments.into_iter().filter(|(path, facts)| is_telling(path, facts)) {
        let place = named("inputSchema", Some(&path));
        let _ = writeln!(text, "    {place}: {}", plain(&facts.into_iter().collect()));
    }
    text
}

/// The number of changes, in one line.
pub(super) fn summary(changes: &Changes, moves: &Moves) -> String {
    let counts = [
        (changes.added.len(), "new"),
        (changes.removed.len(), "gone"),
        (changes.changed.len(), "changed"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0);
    let mut told: Vec<String> = told.map(|(count, what)| format!("{count} {what}")).collect();
    let moves = moves.len();
    if told.is_empty() {
        told.push(
            if moves == 0 { "nothing has changed" } else { "no tool has changed" }.to_owned(),
        );
    }
    if moves > 0 {
        told.push(counted(moves, "change") + " of classes");
    }
    told.join(", ")
}

fn said(tool: &Value, member: &str) -> String {
    shown(tool.get(member).and_then(Value::as_str).unwrap_or_default())
}

fn told(change: &Change) -> String {
    let place = place(change);
    match (&change.before, &change.after) {
        (Some(Value::String(before)), Some(Value::String(after))) if is_long(before, after) => {
            format!("    {place}\n{}", difference(before, after))
        }
        (Some(before), Some(after)) => {
            format!("    {place} was {}, is {}\n", plain(before), plain(after))
        }
        (None, Some(after)) => format!("    {place} is new: {}\n", plain(after)),
        (Some(before), None) => format!("    {place} is gone, was {}\n", plain(before)),
        (None, None) => String::new(),
    }
}

/// The name of the changed item.
fn place(change: &Change) -> String {
    let place = named(&change.member, change.path.as_deref());
    match &change.keyword {
        Some(keyword) => format!("{place}: {}", shown(keyword)),
        None => place,
    }
}

/// A member of a tool, or the position in it.
fn named(member: &str, path: Option<&str>) -> String {
    let of_schema = match member {
        "inputSchema" => Some("argument"),
        "outputSchema" => Some("result"),
        _ => None,
    };
    match (of_schema, path) {
        (Some(_), Some("")) | (_, None) => shown(member),
        (Some(kind), Some(path)) => format!("{kind} `{}`", shown(path)),
        (None, Some(path)) => shown(&format!("{member}.{path}")),
    }
}

fn is_long(before: &str, after: &str) -> bool {
    before.len().max(after.len()) > SHORT || before.contains('\n') || after.contains('\n')
}

/// A line diff of both texts.
fn difference(before: &str, after: &str) -> String {
    let mut text = String::new();
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        let line = shown(change.value().trim_end_matches('\n'));
        let line = match change.tag() {
            ChangeTag::Equal => format!("  {line}"),
            ChangeTag::Delete => tinted(Tone::Bad, &format!("- {line}")),
            ChangeTag::Insert => tinted(Tone::Good, &format!("+ {line}")),
        };
        let _ = writeln!(text, "      {line}");
    }
    text
}

fn plain(value: &Value) -> String {
    format!("`{}`", shown(&value.to_string()))
}

/// YAML to insert into `bundle.yaml`. `tools_from` is given if the server is new there, and the path of
/// a channel if it has none.
pub(super) fn fragment(
    server: &str,
    tools_from: Option<&str>,
    channel: Option<&str>,
    proposals: &[Proposal],
) -> String {
    let mut text = String::from(
        "# Proposed from what the server says about itself, which nobody has checked.\n\
         # Nothing of it is in force before you have put it into bundle.yaml.\n",
    );
    if let Some(path) = channel {
        text.push_str(
            "# Where clients reach the server through Envoy. Its route is written by `toolgate emit envoy`.\n\
             channels:\n",
        );
        let _ = writeln!(text, "  - {{ path: {}, server: {} }}", scalar(path), scalar(server));
    }
    text.push_str("servers:\n");
    let _ = writeln!(text, "  {}:", scalar(server));
    if let Some(file) = tools_from {
        let _ = writeln!(text, "    tools_from: {}", scalar(file));
    }
    if !proposals.is_empty() {
        text.push_str("    tools:\n");
    }
    for proposal in proposals {
        let _ = writeln!(text, "      {}", proposal.yaml());
    }
    text
}
