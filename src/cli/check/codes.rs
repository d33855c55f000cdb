//! Explains finding codes with text from the reference page.

use std::fmt::Write as _;

use clap::builder::PossibleValue;
use serde_json::{Value, json};

use crate::bundle::Code;
use crate::cli::output::report::{Tone, tinted};

/// The page that is also part of the reference.
const PAGE: &str = include_str!("../../findings.md");

impl clap::ValueEnum for Code {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()).help(self.title()))
    }
}

/// Everything about one code, as text.
pub(super) fn explained(code: Code) -> String {
    let heading = tinted(Tone::Heading, code.as_str());
    format!("{} {heading}\n\n{}\n", code.severity().as_str(), indented(section(code)))
}

/// All codes, one per line.
pub(super) fn list() -> String {
    let width = Code::ALL.iter().map(|code| code.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for code in Code::ALL {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{:7}  {:width$}  {}", code.severity().as_str(), code, code.title());
    }
    text
}

/// A code as JSON.
pub(super) fn to_json(code: Code) -> Value {
    json!({
        "code": code,
        "severity": code.severity().as_str(),
        "title": code.title(),
        "explanation": section(code),
    })
}

/// The section of the page about a code.
fn section(code: Code) -> &'static str {
    let heading = format!("## `{code}`\n");
    let rest = PAGE.split_once(&heading).map_or("", |(_, rest)| rest);
    rest.split("\n#").next().unwrap_or_default().trim()
}

/// Replaces fenced code blocks in Markdown by indented ones.
fn indented(markdown: &str) -> String {
    let mut inside = false;
    let mut text = String::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else {
            let margin = if inside && !line.is_empty() { "    " } else { "" };
            let _ = writeln!(text, "{margin}{line}");
        }
    }
    text.trim_end().to_owned()
}
