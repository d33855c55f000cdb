//! The tools of a document with their marks from the manifest.

use std::collections::BTreeSet;

use super::{cedar, names};
use crate::bundle::{Code, Described, Document, Finding, ServerNotes, Site, is_name};
use crate::tool::{self, Note, Surroundings, Tool, ToolDescription, ToolError};

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
        findings.extend(entries(server, notes, descriptions));
        let described: Vec<_> = notes.describe(server, descriptions).collect();
        findings.extend(names::findings(server, notes, &described));
        let mut known = BTreeSet::new();
        for tool in described {
            findings.extend(classes(notes, &tool));
            // Of tools with one name, which is a finding already, the first one counts.
            if known.insert(tool.name) {
                tools.extend(read(tool, &surroundings, findings));
            }
        }
    }
    for server in document.tools.keys() {
        if !document.manifest.servers.contains_key(server) {
            let message = "the server is not in `servers`";
            let site = Site::Tool { server: server.clone(), tool: None };
            findings.push(Finding::new(Code::Inventory, site, message));
        }
    }
    findings.extend(tool::collisions(&tools).iter().map(|error| {
        let site = Site::Manifest("servers".to_owned());
        Finding::new(Code::ToolSchema, site, error.to_string())
    }));
    tools
}

fn read(
    described: Described<'_>,
    surroundings: &Surroundings,
    findings: &mut Vec<Finding>,
) -> Option<Tool> {
    let Described { server, name, marks, tool } = described;
    match Tool::new(server, name, tool, marks.into_owned(), surroundings) {
        Ok(tool) => {
            findings.extend(tool.notes().iter().map(|note| unenforced(&tool, note)));
            Some(tool)
        }
        Err(errors) => {
            findings.extend(errors.iter().map(|error| about(server, name, error)));
            None
        }
    }
}

/// Entries that cannot be used.
fn entries(server: &str, notes: &ServerNotes, tools: &[ToolDescription]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, marks) in &notes.tools {
        let (wire_name, key) = match &marks.name {
            Some(wire_name) => (wire_name, format!("servers.{server}.tools.{name}.name")),
            None => (name, format!("servers.{server}.tools.{name}")),
        };
        if !tools.iter().any(|tool| tool.name() == wire_name) {
            let message = format!("server `{server}` has no tool `{wire_name}`");
            let finding = Finding::new(Code::Inventory, Site::Manifest(key), message);
            findings.push(finding.with_help(format!("its tools stand in `{}`", notes.tools_from)));
        }
        for class in marks.classes.iter().filter(|class| !is_name(class)) {
            let site = Site::Manifest(format!("servers.{server}.tools.{name}"));
            findings.push(Finding::new(Code::Manifest, site, no_class_name(class)));
        }
    }
    for class in notes.classes.keys().filter(|class| !is_name(class)) {
        let site = Site::Manifest(format!("servers.{server}.classes.{class}"));
        findings.push(Finding::new(Code::Manifest, site, no_class_name(class)));
    }
    findings
}

fn no_class_name(class: &str) -> String {
    format!("`{class}` is not a class name")
}

/// The classes in which patterns and tools file do not agree, so that no tool gets or loses a class
/// that nobody has seen.
fn classes(notes: &ServerNotes, described: &Described<'_>) -> Vec<Finding> {
    let Described { server, name, tool, .. } = described;
    let matching = notes.classes_of(name);
    let enters = matching.difference(tool.classes()).map(|class| {
        format!("a pattern puts it into the class `{class}`, and the tools file does not list it")
    });
    let leaves = tool.classes().difference(&matching).map(|class| {
        format!("the tools file lists it in the class `{class}`, and no pattern puts it there")
    });
    let finding = |message| Finding::new(Code::ToolClasses, Site::tool(server, name), message);
    enters.chain(leaves).map(finding).collect()
}

fn unenforced(tool: &Tool, note: &Note) -> Finding {
    let (server, name) = (tool.server(), tool.name());
    let (site, message) = match &note.key {
        None => (Site::tool(server, name), note.to_string()),
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
    Finding::new(Code::ToolSchema, Site::tool(server, tool), message)
}

/// A key of a tool's entry in the manifest.
fn entry(server: &str, tool: &str, key: &str) -> Site {
    Site::Manifest(format!("servers.{server}.tools.{tool}.{key}"))
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
