//! The tools of a document with their marks from the manifest.

use std::collections::BTreeSet;

use super::cedar;
use crate::bundle::{Code, Document, Finding, Site, is_name};
use crate::tool::{self, Note, Surroundings, Tool, ToolError};

/// Parses every tool; each that fails becomes a finding.
pub(super) fn tools(
    document: &Document,
    taken: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> Vec<Tool> {
    let ignored = document.manifest.mcp.ignore.clone();
    let surroundings = Surroundings { types: taken.clone(), ignored };
    let mut tools = Vec::new();
    for (server, notes) in &document.manifest.servers {
        let Some(descriptions) = document.tools.get(server) else {
            let message = format!("there is no tools file for server `{server}`");
            let site = Site::Manifest(format!("servers.{server}"));
            findings.push(Finding::new(Code::Inventory, site, message));
            continue;
        };
        for name in notes.tools.keys() {
            if !descriptions.iter().any(|description| description.name() == name) {
                let site = Site::Manifest(format!("servers.{server}.tools.{name}"));
                let message = format!("server `{server}` has no tool `{name}`");
                let finding = Finding::new(Code::Inventory, site, message);
                findings
                    .push(finding.with_help(format!("its tools stand in `{}`", notes.tools_from)));
            }
        }
        for description in descriptions {
            let marks = notes.tools.get(description.name()).cloned().unwrap_or_default();
            for class in marks.classes.iter().filter(|class| !is_name(class)) {
                let site = Site::Manifest(format!("servers.{server}.tools.{}", description.name()));
                let message = format!("`{class}` is not a class name");
                findings.push(Finding::new(Code::Manifest, site, message));
            }
            match Tool::new(server, description, marks, &surroundings) {
                Ok(tool) => {
                    findings.extend(tool.notes().iter().map(|note| unenforced(&tool, note)));
                    tools.push(tool);
                }
                Err(errors) => {
                    let name = description.name();
                    findings.extend(errors.iter().map(|error| about(server, name, error)));
                }
            }
        }
    }
    for server in document.tools.keys() {
        if !document.manifest.servers.contains_key(server) {
            let message = "the server is not in `servers`";
            findings.push(Finding::new(Code::Inventory, site(server, None), message));
        }
    }
    findings.extend(tool::collisions(&tools).iter().map(|error| {
        let site = Site::Manifest("servers".to_owned());
        Finding::new(Code::ToolSchema, site, error.to_string())
    }));
    tools
}

fn unenforced(tool: &Tool, note: &Note) -> Finding {
    let (server, name) = (tool.server(), tool.name());
    let (site, message) = match &note.key {
        None => (site(server, Some(name)), note.to_string()),
        Some(key) => (entry(server, name, key), format!("tool `{server}/{name}`: {note}")),
    };
    Finding::new(Code::UnenforcedSchema, site, message)
}

fn about(server: &str, tool: &str, error: &ToolError) -> Finding {
    if let Some(key) = error.key() {
        return Finding::new(Code::ToolSchema, entry(server, tool, key), error.to_string());
    }
    // The site already names the tool.
    let message = match error.argument() {
        "" => error.problem().to_string(),
        argument => format!("argument `{argument}`: {}", error.problem()),
    };
    Finding::new(Code::ToolSchema, site(server, Some(tool)), message)
}

/// A key of a tool's entry in the manifest.
fn entry(server: &str, tool: &str, key: &str) -> Site {
    Site::Manifest(format!("servers.{server}.tools.{tool}.{key}"))
}

fn site(server: &str, tool: Option<&str>) -> Site {
    Site::Tool { server: server.to_owned(), tool: tool.map(str::to_owned) }
}

/// The names of types declared outside any namespace.
pub(super) fn declared_types(schema: &str) -> BTreeSet<String> {
    let json = cedar::author_schema(schema);
    let members = |kind: &str| {
        let types = json.get("").and_then(|namespace| namespace.get(kind)?.as_object());
        types.into_iter().flat_map(|types| types.keys().cloned()).collect::<Vec<_>>()
    };
    members("entityTypes").into_iter().chain(members("commonTypes")).collect()
}
