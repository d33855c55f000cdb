//! Finds arguments that are likely secret and that records show.

use std::collections::BTreeSet;

use super::world::{World, listed};
use crate::bundle::{Code, Described, Finding, Site};
use crate::cli::analysis::secrets;
use crate::tool::{Marks, Tool};

/// One finding for each tool with such arguments.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    world.document.described().filter_map(|tool| finding(&tool)).collect()
}

fn finding(described: &Described<'_>) -> Option<Finding> {
    let shown = secrets::paths(described.tool.input_schema());
    let shown: Vec<String> = shown.into_iter().filter(|path| is_shown(described, path)).collect();
    if shown.is_empty() {
        return None;
    }
    let paths = listed(shown.iter().map(String::as_str));
    let site = Site::tool(described.server, described.name);
    let message = format!("records show {paths}, by schema or name a secret");
    let help = format!("add `redact: [{}]` to the tool in `bundle.yaml`", shown.join(", "));
    Some(Finding::new(Code::UnredactedSecret, site, message).with_help(help))
}

/// Whether the tool has the argument, and it is not redacted.
fn is_shown(described: &Described<'_>, path: &str) -> bool {
    let Described { server, name, marks, tool } = described;
    let covers = |outer: &String| {
        path.strip_prefix(outer.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if marks.redact.iter().any(covers) {
        return false;
    }
    let redacted = Marks { redact: vec![path.to_owned()], ..Marks::clone(marks) };
    Tool::new(server, name, tool, redacted, &BTreeSet::new()).is_ok()
}
