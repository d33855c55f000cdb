//! Reads a tools file: the tools of a server, pinned or not, and the location of each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::bundle::Code;
use crate::cli::input::yaml::KeySpans;
use crate::cli::output::escape;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};
use crate::json;
use crate::tool::{self, ToolDescription, ToolError};

/// Maximum nesting; no honest response reaches it.
const DEPTH: usize = 128;

/// What to do if a tools file lists other classes than patterns give.
pub(super) const LOCK: &str = "if the patterns are right, list what they match";

/// The location of each tool's name.
pub(in crate::cli) type Names = BTreeMap<String, Range<usize>>;

/// The content of a tools file.
#[derive(Debug)]
pub(in crate::cli) struct ToolsFile {
    /// The tools, reduced to the members that a bundle keeps.
    pub(in crate::cli) tools: Vec<ToolDescription>,
    pub(in crate::cli) names: Names,
    /// The tools as their server lists them.
    pub(in crate::cli) listed: Vec<Value>,
    /// Whether the tools are pinned.
    pub(in crate::cli) is_pinned: bool,
    /// Texts that a reviewer could overlook, located at the tool.
    pub(in crate::cli) warnings: Vec<Problem>,
}

/// Reads a tools file; `pinning` is the command that pins it.
pub(in crate::cli) fn read(
    file: &Arc<SourceFile>,
    pinning: &str,
) -> Result<ToolsFile, Vec<Problem>> {
    let list = parse(file).map_err(|problem| vec![problem])?;
    let names = names(&list, file);
    let place = |tool: &str| match names.get(tool) {
        Some(span) => Location::at(file, span.clone()),
        None => Location::whole(file),
    };
    let tools = tool::read_tools(&list).map_err(|errors| {
        let problem = |error: &ToolError| {
            let problem = Problem::at(place(error.tool()), error.to_string());
            if error.is_about_pins() {
                let help = format!("review it, then pin it: `{pinning}`");
                problem.with_code(Code::ToolPin).with_help(help)
            } else if error.is_about_classes() {
                problem.with_code(Code::ToolClasses).with_help(format!("{LOCK}: `{pinning}`"))
            } else {
                problem.with_code(Code::ToolSchema)
            }
        };
        errors.iter().map(problem).collect::<Vec<_>>()
    })?;
    let warnings = tool::listed(&list).into_iter().flatten().flat_map(|tool| {
        let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
        let warning = move |what: String| (name, format!("tool `{name}`: {what}"));
        escape::in_tool(tool).into_iter().map(warning)
    });
    let warnings = warnings
        .map(|(name, what)| {
            let problem = Problem::at(place(name), what).with_code(Code::HiddenText);
            Problem { at: Some(name.to_owned()), ..problem }
        })
        .collect();
    let is_pinned = list.get("result").unwrap_or(&list).get("pins").is_some();
    let listed = tool::listed(&list).cloned().unwrap_or_default();
    Ok(ToolsFile { tools, names, listed, is_pinned, warnings })
}

/// The JSON of a file, parsed as strictly as a call.
pub(in crate::cli) fn parse(file: &Arc<SourceFile>) -> Result<Value, Problem> {
    let value = json::read(file.text.as_bytes(), DEPTH).map_err(|error| {
        let at = error.offset().min(file.text.len());
        let message = error.to_string();
        let message = message.rsplit_once(" at byte ").map_or(message.as_str(), |(what, _)| what);
        Problem::at(Location::at(file, at..at), message).with_code(Code::ToolSchema)
    })?;
    serde_json::to_value(&value)
        .map_err(|error| Problem::at(Location::whole(file), error.to_string()))
}

fn names(list: &Value, file: &SourceFile) -> Names {
    let result = list.get("result").map_or("", |_| "result.");
    let answer = list.get("result").unwrap_or(list);
    let member = answer.get("tools").map_or("", |_| "tools.");
    let tools = answer.get("tools").unwrap_or(answer).as_array();
    // The YAML parser gives locations for JSON too.
    let places = KeySpans::of(file);
    let named = tools.into_iter().flatten().enumerate().filter_map(|(position, tool)| {
        let name = tool.get("name")?.as_str()?;
        let span = places.find(&format!("{result}{member}{position}.name"))?;
        Some((name.to_owned(), span))
    });
    named.collect()
}
