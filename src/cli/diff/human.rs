//! Prints a comparison as text.

use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::log;
use super::log::account::Account;
use super::structure::Structure;
use super::structure::change::{Bearing, Change, Kind, Part};
use super::structure::values::Difference;
use super::widening::Widening;
use crate::bundle::BundleId;
use crate::cli::output::report::{Tone, counted, tinted};

/// Longer values are truncated.
const LONGEST: usize = 80;

/// What a change means that Envoy's own configuration depends on.
const NEEDS_ENVOY: &str =
    "`emit ecds` alone is not enough: run `emit envoy` with NEW, and start Envoy with it first\n";

/// Whether the version does not tell two different bundles apart.
pub(super) fn is_same_version(old: &BundleId, new: &BundleId) -> bool {
    old.digest != new.digest && old.name == new.name && old.version == new.version
}

pub(super) fn tell(
    [old, new]: &[BundleId; 2],
    structure: &Structure,
    account: Option<&Account>,
) -> String {
    let mut text = format!("{old}\n{new}\n\n");
    let mut part = None;
    for change in &structure.changes {
        if part != Some(change.part) {
            part = Some(change.part);
            text.push_str(&tinted(Tone::Heading, heading(change.part)));
            text.push('\n');
        }
        text.push_str(&told(change));
    }
    if !structure.changes.is_empty() {
        text.push('\n');
    }
    text.push_str(&ending(structure, old.digest == new.digest));
    if is_same_version(old, new) && !structure.changes.is_empty() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "both have version {}: raise `version`, so that people can tell them apart",
            old.version
        );
    }
    if structure.changes.iter().any(|change| change.needs_envoy) {
        text.push_str(NEEDS_ENVOY);
    }
    if let Some(account) = account {
        text.push('\n');
        text.push_str(&log::human(account));
    }
    text
}

fn heading(part: Part) -> &'static str {
    match part {
        Part::Setting => "settings",
        Part::Layer => "layers",
        Part::Policy => "policies",
        Part::Tool => "tools",
        Part::Type => "types",
        Part::Entity => "entities",
    }
}

fn told(change: &Change) -> String {
    let sign = match change.kind {
        Kind::Added => tinted(Tone::Good, "+"),
        Kind::Removed => tinted(Tone::Bad, "-"),
        Kind::Changed => tinted(Tone::Odd, "~"),
    };
    let mark = match change.bearing {
        Bearing::MayWiden => tinted(Tone::Bad, "!"),
        Bearing::Narrows | Bearing::None => " ".to_owned(),
    };
    let needs =
        if change.needs_envoy { tinted(Tone::Odd, " (needs `emit envoy`)") } else { String::new() };
    let mut text = format!("{mark} {sign} {}", change.name);
    if let (Part::Setting, [only]) = (change.part, change.differences.as_slice()) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, ": {}{needs}", values(only));
        return text;
    }
    text.push_str(&needs);
    text.push('\n');
    for difference in &change.differences {
        let path = difference.path.join(" ");
        let values = values(difference);
        let separator = if path.is_empty() || values.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "      {path}{separator}{values}");
    }
    if let Some([before, after]) = &change.texts {
        text.push_str(&lines(before, after));
    }
    text
}

fn values(difference: &Difference) -> String {
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => format!("{} → {}", shown(before), shown(after)),
        (Some(before), None) => format!("- {}", shown(before)),
        (None, Some(after)) => format!("+ {}", shown(after)),
        (None, None) => String::new(),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// A line diff of a policy's text.
fn lines(before: &str, after: &str) -> String {
    let mut text = String::new();
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        let line = change.value().trim_end_matches(['\n', '\r']);
        let line = match change.tag() {
            ChangeTag::Delete => tinted(Tone::Bad, &format!("- {line}")),
            ChangeTag::Insert => tinted(Tone::Good, &format!("+ {line}")),
            ChangeTag::Equal => format!("  {line}"),
        };
        let _ = writeln!(text, "      {line}");
    }
    text
}

fn ending(structure: &Structure, same: bool) -> String {
    let changes = counted(structure.changes.len(), "change");
    match (structure.changes.len(), structure.widening()) {
        (0, _) if same => "nothing changes: both are the same bundle\n".to_owned(),
        (0, _) => "nothing changes but formatting and comments\n".to_owned(),
        (_, Widening::None) => {
            tinted(Tone::Good, &format!("{changes}; none of them can permit what was refused"))
                + "\n"
        }
        (_, Widening::Possible | Widening::Certain) => {
            let marked =
                structure.changes.iter().filter(|c| c.bearing == Bearing::MayWiden).count();
            tinted(
                Tone::Odd,
                &format!("{changes}; {marked} marked `!` may permit what was refused"),
            ) + "\n"
        }
    }
}
