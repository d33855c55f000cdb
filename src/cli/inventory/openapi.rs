//! Generates tools from an OpenAPI 3.0 or 3.1 document, one per operation.
//!
//! The document is read as JSON: a typed parser would drop unknown members, and a pinned
//! description must be complete.

pub(super) mod api;
mod convert;
mod operation;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::api::Api;
use self::operation::Operation;
use crate::cli::output::escape::shown;
use crate::tool::{self, Problem};

/// The methods that a path item can have.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The tools of all operations except the skipped ones.
///
/// The error lists everything that cannot be expressed, with its operation.
pub(super) fn tools(document: &Value, skip: &[String]) -> Result<Vec<Value>, Vec<String>> {
    let api = Api::new(document).map_err(|error| vec![error])?;
    let (mut tools, mut errors) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for operation in operations(&api, &mut errors) {
        let (name, place) = (operation.name(), operation.place());
        let about = |what: &str| format!("operation `{name}` ({place}): {what}");
        if !tool::is_tool_name(&name) {
            errors.push(about(&Problem::ToolName.to_string()));
        }
        match operation.tool() {
            Ok(tool) => tools.push(tool),
            // A skipped operation need not be expressible, but its name stays reserved.
            Err(_) if skip.contains(&name) => tools.push(json!({ "name": name })),
            Err(found) => errors.extend(found.iter().map(|what| about(what))),
        }
        if let Some(twin) = names.insert(name.clone(), place.clone()) {
            errors.push(about(&format!("{twin} has the same name")));
        }
    }
    if errors.is_empty() { Ok(tools) } else { Err(errors) }
}

/// All operations, in the order of the document's paths.
fn operations<'a>(api: &'a Api<'a>, errors: &mut Vec<String>) -> Vec<Operation<'a>> {
    let Some(paths) = api.document.get("paths").and_then(Value::as_object) else {
        errors.push("the document has no `paths`".to_owned());
        return Vec::new();
    };
    let mut operations = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
        match api.resolve(item) {
            Ok(_) if !path.starts_with('/') => {
                errors.push(format!("`{}` is not a path", shown(path)));
            }
            Ok(item) => operations.extend(METHODS.iter().filter_map(|method| {
                Some(Operation::new(api, method, path, item, item.get(method)?))
            })),
            Err(error) => errors.push(format!("path `{}`: {error}", shown(path))),
        }
    }
    operations
}
