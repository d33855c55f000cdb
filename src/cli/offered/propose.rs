//! Proposes notes for tools without any.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::captures::name;
use super::openapi::api::OPERATION;
use super::usable;
use crate::bundle::ServerNotes;
use crate::cli::output::escape::shown;
use crate::tool::{Marks, tool_names};

/// Proposed notes in `bundle.yaml` for a tool, based on the server's claims.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Proposal {
    /// The tool's name in the bundle.
    pub(in crate::cli) tool: String,
    /// Its name on the wire, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) name: Option<String>,
    pub(in crate::cli) classes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) operation: Option<&'static str>,
    /// Arguments that are likely secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) redact: Vec<String>,
    /// Arguments without a type, which the gate does not guess.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) opaque: Vec<String>,
    /// Why the tool does not load even so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) unusable: Vec<String>,
    /// The server's claims.
    pub(in crate::cli) grounds: String,
}

/// Proposals for the tools without notes. A tool that has a class by its name may need none.
pub(in crate::cli) fn proposals(
    server: &str,
    tools: &[Value],
    notes: &ServerNotes,
) -> Vec<Proposal> {
    let entries = notes.entries();
    let tools = tools.iter().filter_map(|tool| Some((name(tool)?, tool)));
    let new: Vec<_> = tools.filter(|(name, _)| !entries.has(name)).collect();
    let taken = entries.names().flat_map(|(wire_name, name)| [wire_name, name]);
    let names = tool_names(new.iter().map(|(name, _)| *name), taken);
    let proposals = new.iter().filter_map(|(wire_name, tool)| {
        Some(proposal(server, names.get(wire_name)?, wire_name, tool))
    });
    let is_told =
        |proposal: &Proposal| notes.classes_of(&proposal.tool).is_empty() || proposal.is_needed();
    proposals.filter(is_told).collect()
}

/// What is proposed for one tool.
fn proposal(server: &str, tool_name: &str, wire_name: &str, tool: &Value) -> Proposal {
    let method =
        tool.pointer("/_meta").and_then(|meta| meta.get(OPERATION)?.get("method")?.as_str());
    let (classes, operation, grounds) = match method {
        Some(method) => by_method(method),
        None => by_annotations(tool),
    };
    let name = (tool_name != wire_name).then(|| wire_name.to_owned());
    let (Marks { redact, opaque, .. }, unusable) = usable::marks(server, tool_name, tool);
    let tool = tool_name.to_owned();
    Proposal { tool, name, classes, operation, redact, opaque, unusable, grounds }
}

/// Follows the method semantics of RFC 9110; the server's actual behaviour may differ.
fn by_method(method: &str) -> (Vec<&'static str>, Option<&'static str>, String) {
    let (classes, operation) = match method {
        "GET" | "HEAD" | "OPTIONS" | "TRACE" => (vec!["read"], "read"),
        "DELETE" => (vec!["write", "destructive"], "delete"),
        "POST" => (vec!["write"], "create"),
        _ => (vec!["write"], "update"),
    };
    (classes, Some(operation), method.to_owned())
}

/// MCP defines the defaults for missing annotations: a tool may make changes, and destructive ones.
fn by_annotations(tool: &Value) -> (Vec<&'static str>, Option<&'static str>, String) {
    let hint = |name: &str| tool.get("annotations")?.get(name)?.as_bool();
    let hints = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];
    let said: Vec<String> =
        hints.iter().filter_map(|name| Some(format!("{name}: {}", hint(name)?))).collect();
    if said.is_empty() {
        return (Vec::new(), None, "no annotations".to_owned());
    }
    let mut classes = Vec::new();
    if hint("readOnlyHint") == Some(true) {
        classes.push("read");
    } else {
        classes.push("write");
        if hint("destructiveHint") != Some(false) {
            classes.push("destructive");
        }
        if hint("idempotentHint") == Some(true) {
            classes.push("idempotent");
        }
    }
    if hint("openWorldHint") == Some(true) {
        classes.push("open_world");
    }
    let operation = classes.contains(&"read").then_some("read");
    (classes, operation, said.join(", "))
}

impl Proposal {
    /// Whether the tool lacks more than classes.
    fn is_needed(&self) -> bool {
        let Self { name, redact, opaque, unusable, .. } = self;
        name.is_some() || ![redact, opaque, unusable].into_iter().all(Vec::is_empty)
    }

    /// The entry in `bundle.yaml`, with the server's claims as a comment.
    pub(in crate::cli) fn yaml(&self) -> String {
        let Self { tool, name, classes, operation, redact, opaque, unusable: _, grounds } = self;
        let name = name.as_ref().map(|name| format!("name: {}, ", scalar(name)));
        let mut notes = format!("{}classes: [{}]", name.unwrap_or_default(), classes.join(", "));
        if let Some(operation) = operation {
            let _ = write!(notes, ", operation: {operation}");
        }
        for (key, paths) in [("redact", redact), ("opaque", opaque)] {
            if !paths.is_empty() {
                let paths: Vec<String> = paths.iter().map(|path| scalar(path)).collect();
                let _ = write!(notes, ", {key}: [{}]", paths.join(", "));
            }
        }
        format!("{}: {{ {notes} }} # {}", scalar(tool), shown(grounds))
    }
}

/// A YAML string, quoted unless every parser reads it as a string without quotes.
pub(in crate::cli) fn scalar(text: &str) -> String {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let keyword = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|keyword| text.eq_ignore_ascii_case(keyword));
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic());
    if plain && !keyword && text.bytes().all(word) {
        text.to_owned()
    } else {
        // A JSON string is a YAML string.
        Value::from(text).to_string()
    }
}
