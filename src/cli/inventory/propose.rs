//! Proposes notes for tools without any.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::name;
use super::openapi::api::OPERATION;
use crate::tool::{self, Marks, Problem, Tool};

/// Proposed notes in `bundle.yaml` for a tool, based on the server's claims.
#[derive(Debug, Serialize)]
pub(super) struct Proposal {
    pub(super) tool: String,
    pub(super) classes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<&'static str>,
    /// Arguments without a type, which the gate does not guess.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) opaque: Vec<String>,
    /// The server's claims.
    pub(super) grounds: String,
}

/// Proposals for the tools without notes.
pub(super) fn proposals(
    server: &str,
    tools: &[Value],
    notes: &BTreeMap<String, Marks>,
) -> Vec<Proposal> {
    let new = tools.iter().filter(|tool| name(tool).is_some_and(|name| !notes.contains_key(name)));
    new.map(|tool| proposal(server, tool)).collect()
}

fn proposal(server: &str, tool: &Value) -> Proposal {
    let method =
        tool.pointer("/_meta").and_then(|meta| meta.get(OPERATION)?.get("method")?.as_str());
    let (classes, operation, grounds) = match method {
        Some(method) => by_method(method),
        None => by_annotations(tool),
    };
    let tool_name = name(tool).unwrap_or_default().to_owned();
    Proposal { opaque: untyped(server, tool), tool: tool_name, classes, operation, grounds }
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

/// The arguments that must be opaque for the tool to load.
fn untyped(server: &str, tool: &Value) -> Vec<String> {
    let Ok(descriptions) = tool::read_tools(&json!([tool])) else { return Vec::new() };
    let problems = descriptions.iter().filter_map(|description| {
        Tool::new(server, description, Marks::default(), &BTreeSet::new()).err()
    });
    let untyped = problems
        .flatten()
        .filter(|error| matches!(error.problem(), Problem::Untyped(_) | Problem::Recursive(_)));
    let paths: BTreeSet<String> = untyped.map(|error| error.argument().to_owned()).collect();
    paths.into_iter().filter(|path| !path.is_empty()).collect()
}
