//! The methods that policies decide, and the patterns of the resources that they are about.

use std::collections::{BTreeSet, HashSet};

use cedar_policy::Entity;

use crate::bundle::{Code, Document, Finding, MethodMarks, ServerNotes, Site, is_name};
use crate::mcp::Method;
use crate::tool::{Patterns, Surroundings, Tool, ToolError};

/// Parses every method of the manifest; each that cannot be decided becomes a finding.
pub(super) fn read(
    document: &Document,
    taken: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> Vec<Tool> {
    let surroundings = Surroundings { types: taken.clone(), ignored: BTreeSet::new() };
    let mut read = Vec::new();
    for (server, notes) in &document.manifest.servers {
        findings.extend(unfit(document, server, notes));
        let patterns = Patterns::new(server, &notes.resources).unwrap_or_default();
        for (name, marks) in &notes.methods {
            let Some(method) = Method::named(name) else { continue };
            match of(server, method, marks, &surroundings, &patterns) {
                Ok(method) => read.push(method),
                Err(errors) => {
                    findings.extend(errors.iter().map(|error| about(server, name, error)));
                }
            }
        }
    }
    read
}

/// The entities of patterns of resources: each is in its server, and in the patterns that contain it.
pub(super) fn entities(document: &Document) -> Vec<Entity> {
    let mut entities = Vec::new();
    for (server, notes) in &document.manifest.servers {
        let patterns = Patterns::new(server, &notes.resources).unwrap_or_default();
        let of_server = format!("Server::{server:?}").parse().ok();
        entities.extend(patterns.iter().map(|pattern| {
            let parents: HashSet<_> =
                pattern.parents.iter().cloned().chain(of_server.clone()).collect();
            Entity::new_no_attrs(pattern.entity.clone(), parents)
        }));
    }
    entities
}

fn of(
    server: &str,
    method: &Method,
    marks: &MethodMarks,
    surroundings: &Surroundings,
    patterns: &Patterns,
) -> Result<Tool, Vec<ToolError>> {
    let patterns =
        if method.is_about_a_resource() { patterns.clone() } else { Patterns::default() };
    Tool::of_method(server, method.name, &method.schema(), marks.of(method), surroundings, patterns)
}

/// Entries that cannot be used.
fn unfit(document: &Document, server: &str, notes: &ServerNotes) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut error = |key: String, message: String, help: &str| {
        let site = Site::Manifest(format!("servers.{server}.{key}"));
        findings.push(Finding::new(Code::Manifest, site, message).with_help(help));
    };
    for name in notes.methods.keys() {
        let key = format!("methods.{name}");
        if Method::named(name).is_none() {
            let known: Vec<&str> = Method::decidable().map(|method| method.name).collect();
            let message = format!("`{name}` is no method that policies can decide");
            error(key, message, &format!("there are {}", known.join(", ")));
        } else if document.manifest.mcp.methods.contains(name) {
            let message =
                format!("`{name}` is in `mcp.methods` too, which forwards it without a policy");
            error(key, message, "keep it in one of the two");
        }
    }
    for name in notes.resources.keys().filter(|name| !is_name(name)) {
        let message = format!("`{name}` is not a name: use letters, digits, `-`, `_`, `.`");
        error(format!("resources.{name}"), message, "policies name a pattern by it");
    }
    if let Err((one, other)) = Patterns::new(server, &notes.resources) {
        let message = format!("a URI can match `{one}` and `{other}`, and neither is in the other");
        let help = "let one of them contain the other, or make them differ before a `*`";
        error(format!("resources.{other}"), message, help);
    }
    let is_about = |name: &String| Method::named(name).is_some_and(Method::is_about_a_resource);
    if !notes.resources.is_empty() && !notes.methods.keys().any(is_about) {
        let message = "no method of the server is about a resource".to_owned();
        error("resources".to_owned(), message, "add `resources/read: {}` to its `methods`");
    }
    findings
}

fn about(server: &str, method: &str, error: &ToolError) -> Finding {
    let key = error.key().map(|key| format!(".{key}")).unwrap_or_default();
    let site = Site::Manifest(format!("servers.{server}.methods.{method}{key}"));
    let message = match error.argument() {
        "" => error.problem().to_string(),
        argument => format!("argument `{argument}`: {}", error.problem()),
    };
    Finding::new(Code::ToolSchema, site, message)
}
