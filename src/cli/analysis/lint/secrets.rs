//! Finds arguments that are likely secret and that records show.

use std::collections::BTreeSet;

use super::world::{World, listed};
use crate::bundle::{Code, Finding, Site};
use crate::cli::analysis::secrets;
use crate::tool::{Marks, Tool, ToolDescription};

/// One finding for each tool with such arguments.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let tools = world.document.tools.iter();
    let tools = tools.flat_map(|(server, tools)| tools.iter().map(move |tool| (server, tool)));
    tools.filter_map(|(server, tool)| finding(world, server, tool)).collect()
}

fn finding(world: &World<'_>, server: &str, tool: &ToolDescription) -> Option<Finding> {
    let notes = world.document.manifest.servers.get(server);
    let marks = notes.and_then(|notes| notes.tools.get(tool.name())).cloned().unwrap_or_default();
    let shown = secrets::paths(tool.input_schema());
    let shown: Vec<String> =
        shown.into_iter().filter(|path| is_shown(server, tool, &marks, path)).collect();
    if shown.is_empty() {
        return None;
    }
    let paths = listed(shown.iter().map(String::as_str));
    let site = Site::Tool { server: server.to_owned(), tool: Some(tool.name().to_owned()) };
    let message = format!("records show {paths}, by schema or name a secret");
    let help = format!("add `redact: [{}]` to the tool in `bundle.yaml`", shown.join(", "));
    Some(Finding::new(Code::UnredactedSecret, site, message).with_help(help))
}

/// Whether the tool has the argument, and it is not redacted.
fn is_shown(server: &str, tool: &ToolDescription, marks: &Marks, path: &str) -> bool {
    let covers = |outer: &String| {
        path.strip_prefix(outer.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if marks.redact.iter().any(covers) {
        return false;
    }
    let redacted = Marks { redact: vec![path.to_owned()], ..marks.clone() };
    Tool::new(server, tool, redacted, &BTreeSet::new()).is_ok()
}
