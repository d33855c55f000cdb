//! The names of tools: one on the wire and one in the bundle for each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bundle::{Code, Described, Finding, ServerNotes, Site};
use crate::tool::{is_tool_name, tool_names};

/// Finds tools of a server that share a name, and those whose name a bundle cannot have.
pub(super) fn findings(server: &str, notes: &ServerNotes, tools: &[Described<'_>]) -> Vec<Finding> {
    [entries(server, notes), repeated(tools), unfit(tools)].concat()
}

/// Entries about a tool that another entry is about.
fn entries(server: &str, notes: &ServerNotes) -> Vec<Finding> {
    let mut known = BTreeMap::new();
    let mut findings = Vec::new();
    for (name, marks) in &notes.tools {
        let wire_name = marks.name.as_ref().unwrap_or(name);
        if let Some(other) = known.insert(wire_name, name) {
            let site = Site::Manifest(format!("servers.{server}.tools.{name}"));
            let message = format!("`{other}` is an entry about the same tool, `{wire_name}`");
            let help = "keep one of the two entries: a tool has one name in a bundle".to_owned();
            findings.push(Finding::new(Code::ToolName, site, message).with_help(help));
        }
    }
    findings
}

/// Tools with the name of another tool of their server, on the wire or in the bundle.
fn repeated(tools: &[Described<'_>]) -> Vec<Finding> {
    let mut known = BTreeSet::new();
    let mut findings = Vec::new();
    for Described { server, name, tool, .. } in tools {
        let is_other = |other: &Described<'_>| other.tool.name() == *name;
        if !known.insert(tool.name()) {
            let message = "another tool of this server has the same name";
            findings.push(Finding::new(Code::ToolName, Site::tool(server, name), message));
        } else if tool.name() != *name && tools.iter().any(is_other) {
            let site = Site::Manifest(format!("servers.{server}.tools.{name}"));
            let message = format!("the server has another tool of the name `{name}`");
            let help = format!("give `{}` an alias of its own", tool.name());
            findings.push(Finding::new(Code::ToolName, site, message).with_help(help));
        }
    }
    findings
}

/// Tools whose name a bundle cannot have.
fn unfit(tools: &[Described<'_>]) -> Vec<Finding> {
    let (fit, unfit): (Vec<_>, Vec<_>) =
        tools.iter().partition::<Vec<&Described<'_>>, _>(|tool| is_tool_name(tool.name));
    let taken = fit.iter().flat_map(|fit| [fit.name, fit.tool.name()]);
    let names = tool_names(unfit.iter().map(|unfit| unfit.tool.name()), taken);
    let finding = |Described { server, name, tool, .. }: &Described<'_>| {
        let message = "in a bundle a tool name is 1 to 128 letters, digits, `_`, `-` and `.`";
        let alias = names.get(tool.name()).map(String::as_str).unwrap_or_default();
        let wire_name = Value::from(tool.name());
        let help = format!("give it an alias in bundle.yaml: {alias}: {{ name: {wire_name} }}");
        Finding::new(Code::ToolName, Site::tool(server, name), message).with_help(help)
    };
    unfit.into_iter().map(finding).collect()
}
