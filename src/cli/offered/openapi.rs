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
use crate::tool;

/// What is wrong with a name that a tool cannot have.
const NO_NAME: &str = "a tool name is 1 to 128 letters, digits, `_`, `-` and `.`";

/// The methods that a path item can have.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What is wrong with a document.
#[derive(Debug)]
pub(super) enum Error {
    /// It cannot be read at all.
    Document(String),
    /// One operation cannot be a tool.
    Operation(String),
}

/// The tools of a document.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) tools: Vec<Value>,
    /// Why operations are left out.
    pub(super) left_out: Vec<String>,
}

/// The tools of all operations. Those to skip need not be readable. With `lenient`, no operation
/// needs to be; the others are left out.
///
/// The error lists everything that cannot be expressed, with its operation.
pub(super) fn tools(document: &Value, skip: &[String], lenient: bool) -> Result<Taken, Vec<Error>> {
    let api = Api::new(document).map_err(|error| vec![Error::Document(error)])?;
    let (mut taken, mut errors) = (Taken::default(), Vec::new());
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for operation in operations(&api, &mut errors) {
        let (name, place) = (operation.name(), operation.place());
        let about = |what: &str| format!("operation `{name}` ({place}): {what}");
        let mut found = Vec::new();
        if !tool::is_tool_name(&name) {
            found.push(about(NO_NAME));
        }
        let tool = operation.tool().map_err(|problems| {
            found.extend(problems.iter().map(|what| about(what)));
        });
        match tool {
            Ok(tool) if found.is_empty() => taken.tools.push(tool),
            // A skipped operation need not be expressible, but its name stays reserved.
            _ if skip.contains(&name) => taken.tools.push(json!({ "name": name })),
            _ if lenient => taken.left_out.extend(found),
            _ => errors.extend(found.into_iter().map(Error::Operation)),
        }
        if let Some(twin) = names.insert(name.clone(), place.clone()) {
            errors.push(Error::Operation(about(&format!("{twin} has the same name"))));
        }
    }
    if errors.is_empty() { Ok(taken) } else { Err(errors) }
}

/// All operations, in the order of the document's paths.
fn operations<'a>(api: &'a Api<'a>, errors: &mut Vec<Error>) -> Vec<Operation<'a>> {
    let Some(paths) = api.document.get("paths").and_then(Value::as_object) else {
        errors.push(Error::Document("the document has no `paths`".to_owned()));
        return Vec::new();
    };
    let mut operations = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
        match api.resolve(item) {
            Ok(_) if !path.starts_with('/') => {
                errors.push(Error::Document(format!("`{}` is not a path", shown(path))));
            }
            Ok(item) => operations.extend(METHODS.iter().filter_map(|method| {
                Some(Operation::new(api, method, path, item, item.get(method)?))
            })),
            Err(error) => errors.push(Error::Document(format!("path `{}`: {error}", shown(path)))),
        }
    }
    operations
}
