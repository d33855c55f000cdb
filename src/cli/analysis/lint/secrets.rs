//! Finds arguments that are likely secret and that records show.

use std::collections::BTreeSet;

use serde_json::Value;

use super::world::World;
use crate::bundle::{Code, Described, Finding, Site};
use crate::cli::analysis::secrets;
use crate::cli::output::report::listed;
use crate::tool::given::Selection;
use crate::tool::secret::is_telling;
use crate::tool::{Marks, Surroundings, Tool};

/// One finding for each tool with such arguments.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    world.document.described().filter_map(|tool| finding(&tool)).collect()
}

fn finding(described: &Described<'_>) -> Option<Finding> {
    let secret = secrets::paths(described.tool.input_schema()).into_iter();
    let secret = secret.chain(in_bundle(&described.marks));
    let shown: BTreeSet<String> = secret.filter(|path| is_shown(described, path)).collect();
    if shown.is_empty() {
        return None;
    }
    let paths = listed(shown.iter().map(String::as_str));
    let site = Site::tool(described.server, described.name);
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
fn is_shown(described: &Described<'_>, path: &str) -> bool {
    let Described { server, name, marks, tool } = described;
    let covers = |outer: &String| {
        path.strip_prefix(outer.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    // Of what is passed on unread, records do not show what has the name of a secret.
    let is_unread = |outer: &String| covers(outer) && path != outer;
    let last = path.rsplit('.').next().unwrap_or(path);
    if marks.redact.iter().any(covers) || (marks.opaque.iter().any(is_unread) && is_telling(last)) {
        return false;
    }
    let redacted = Marks { redact: vec![path.to_owned()], ..Marks::clone(marks) };
    Tool::new(server, name, tool, redacted, &Surroundings::default()).is_ok()
}
