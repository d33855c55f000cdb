//! Finds arguments that are likely secret and that records show.

use std::collections::BTreeSet;

use serde_json::Value;

use super::world::{World, listed};
use crate::bundle::{Code, Finding, Site};
use crate::cli::analysis::secrets;
use crate::tool::given::Selection;
use crate::tool::secret::is_telling;
use crate::tool::{Marks, Surroundings, Tool, ToolDescription};

/// One finding for each tool with such arguments.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let tools = world.document.tools.iter();
    let tools = tools.flat_map(|(server, tools)| tools.iter().map(move |tool| (server, tool)));
    tools.filter_map(|(server, tool)| finding(world, server, tool)).collect()
}

fn finding(world: &World<'_>, server: &str, tool: &ToolDescription) -> Option<Finding> {
    let notes = world.document.manifest.servers.get(server);
    let marks = notes.and_then(|notes| notes.tools.get(tool.name())).cloned().unwrap_or_default();
    let secret = secrets::paths(tool.input_schema()).into_iter().chain(in_bundle(&marks));
    let shown: BTreeSet<String> =
        secret.filter(|path| is_shown(server, tool, &marks, path)).collect();
    if shown.is_empty() {
        return None;
    }
    let paths = listed(shown.iter().map(String::as_str));
    let site = Site::Tool { server: server.to_owned(), tool: Some(tool.name().to_owned()) };
    let message = format!("records show {paths}, by schema or name a secret");
    let shown = Vec::from_iter(shown).join(", ");
    let help = format!("add `redact: [{shown}]` to the tool in `bundle.yaml`");
    Some(Finding::new(Code::UnredactedSecret, site, message).with_help(help))
}

/// The secrets in the bundle's own schemas of arguments.
fn in_bundle(marks: &Marks) -> Vec<String> {
    let paths = |(path, given): (&String, &Value)| {
        let schemas = match Selection::of(given) {
            Some(Ok(selection)) => selection.of.values().collect(),
            Some(Err(_)) | None => vec![given],
        };
        let inner = schemas.into_iter().flat_map(secrets::paths);
        inner.map(|inner| format!("{path}.{inner}")).collect::<Vec<_>>()
    };
    marks.schemas.iter().flat_map(paths).collect()
}

/// Whether the tool has the argument, and it is not redacted.
fn is_shown(server: &str, tool: &ToolDescription, marks: &Marks, path: &str) -> bool {
    let covers = |outer: &String| {
        path.strip_prefix(outer.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    // Of what is passed on unread, records do not show what has the name of a secret.
    let is_unread = |outer: &String| covers(outer) && path != outer;
    let name = path.rsplit('.').next().unwrap_or(path);
    if marks.redact.iter().any(covers) || (marks.opaque.iter().any(is_unread) && is_telling(name)) {
        return false;
    }
    let redacted = Marks { redact: vec![path.to_owned()], ..marks.clone() };
    Tool::new(server, tool, redacted, &Surroundings::default()).is_ok()
}
