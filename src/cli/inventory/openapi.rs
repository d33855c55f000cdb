//! An OpenAPI 3.0 or 3.1 document → tools, one for each operation.
//!
//! The document is read as JSON: what a typed reader does not know it drops, and a pinned
//! description must not lose a word.

mod convert;
mod operation;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::operation::Operation;
use super::super::hidden::shown;
use crate::tool::{self, Problem};

/// The member of a tool's `_meta` that says which operation it is.
pub(super) const OPERATION: &str = "dev.toolgate/operation";

/// The methods that a path item can have.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// References that lead to references.
const LONGEST_CHAIN: usize = 16;

/// The tools of all operations but those to skip.
///
/// The error has everything that cannot be expressed, and names the operation.
pub(super) fn tools(document: &Value, skip: &[String]) -> Result<Vec<Value>, Vec<String>> {
    let api = Api::new(document).map_err(|error| vec![error])?;
    let (mut tools, mut errors) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for operation in api.operations(&mut errors) {
        let (name, place) = (operation.name(), operation.place());
        let about = |what: &str| format!("operation `{name}` ({place}): {what}");
        if !tool::is_tool_name(&name) {
            errors.push(about(&Problem::ToolName.to_string()));
        }
        match operation.tool() {
            Ok(tool) => tools.push(tool),
            // What is skipped need not be expressible, but it keeps its name.
            Err(_) if skip.contains(&name) => tools.push(json!({ "name": name })),
            Err(found) => errors.extend(found.iter().map(|what| about(what))),
        }
        if let Some(twin) = names.insert(name.clone(), place.clone()) {
            errors.push(about(&format!("{twin} has the same name")));
        }
    }
    if errors.is_empty() { Ok(tools) } else { Err(errors) }
}

/// A document, and what its version means.
struct Api<'a> {
    document: &'a Value,
    /// 3.0 has its own words for null and for exclusive bounds, and ignores what stands beside a
    /// reference.
    is_3_0: bool,
}

impl<'a> Api<'a> {
    fn new(document: &'a Value) -> Result<Self, String> {
        let version = document.get("openapi").and_then(Value::as_str);
        let Some(version) = version else {
            return Err(if document.get("swagger").is_some() {
                "this is Swagger 2.0: convert it to OpenAPI 3 first".to_owned()
            } else {
                "this is neither an answer to tools/list nor an OpenAPI document".to_owned()
            });
        };
        match version.split('.').collect::<Vec<_>>().as_slice() {
            ["3", "0", ..] => Ok(Self { document, is_3_0: true }),
            ["3", "1", ..] => Ok(Self { document, is_3_0: false }),
            _ => Err(format!("OpenAPI `{}` is not known: 3.0 and 3.1 are", shown(version))),
        }
    }

    /// Every operation, in the order of the document's paths.
    fn operations(&'a self, errors: &mut Vec<String>) -> Vec<Operation<'a>> {
        let Some(paths) = self.document.get("paths").and_then(Value::as_object) else {
            errors.push("the document has no `paths`".to_owned());
            return Vec::new();
        };
        let mut operations = Vec::new();
        for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
            match self.resolve(item) {
                Ok(_) if !path.starts_with('/') => {
                    errors.push(format!("`{}` is not a path", shown(path)));
                }
                Ok(item) => operations.extend(METHODS.iter().filter_map(|method| {
                    Some(Operation::new(self, method, path, item, item.get(method)?))
                })),
                Err(error) => errors.push(format!("path `{}`: {error}", shown(path))),
            }
        }
        operations
    }

    /// What a value says, wherever in the document it says so.
    fn resolve<'v>(&self, value: &'v Value) -> Result<&'v Value, String>
    where
        'a: 'v,
    {
        let mut value = value;
        for _ in 0..LONGEST_CHAIN {
            let Some(reference) = value.get("$ref") else { return Ok(value) };
            let reference = reference.as_str().unwrap_or_default();
            let target = reference.strip_prefix('#');
            value = target.and_then(|pointer| self.document.pointer(pointer)).ok_or_else(|| {
                format!("`{}` refers to nothing in this document", shown(reference))
            })?;
        }
        Err("it refers to itself".to_owned())
    }

    /// A schema as one object with properties, if that is all it is. An `allOf` of such objects is
    /// one as well, unless two of them describe the same property differently.
    fn plain_object(&self, schema: &Value) -> Option<Map<String, Value>> {
        self.merged(schema, 0)
    }

    fn merged(&self, schema: &Value, depth: usize) -> Option<Map<String, Value>> {
        const NEUTRAL: [&str; 9] = [
            "type",
            "properties",
            "required",
            "title",
            "description",
            "example",
            "examples",
            "deprecated",
            "externalDocs",
        ];
        if depth > LONGEST_CHAIN {
            return None;
        }
        // 3.1 lets more stand beside a reference, 3.0 does not read it.
        let alone = |schema: &Map<String, Value>| {
            schema.keys().all(|keyword| keyword == "$ref" || NEUTRAL.contains(&keyword.as_str()))
        };
        let refers = schema.as_object().filter(|schema| schema.contains_key("$ref"));
        if !self.is_3_0 && refers.is_some_and(|schema| !alone(schema)) {
            return None;
        }
        let schema = self.resolve(schema).ok()?.as_object()?;
        let is_object = schema.get("type").is_none_or(|kind| kind == "object");
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("allOf", Value::Array(parts)) => {
                    for part in parts {
                        let part = self.merged(part, depth.saturating_add(1))?;
                        join(&mut properties, part.get("properties")?)?;
                        required.extend(part.get("required")?.as_array()?.iter().cloned());
                    }
                }
                ("additionalProperties", Value::Bool(open)) if *open || depth == 0 => {}
                ("nullable", Value::Bool(false)) | ("discriminator" | "xml", _) => {}
                (keyword, _) if NEUTRAL.contains(&keyword) || keyword.starts_with("x-") => {}
                _ => return None,
            }
        }
        join(&mut properties, schema.get("properties").unwrap_or(&Value::Object(Map::new())))?;
        required.extend(
            schema.get("required").and_then(Value::as_array).into_iter().flatten().cloned(),
        );
        let has_any = !properties.is_empty() || depth > 0;
        (is_object && has_any).then(|| {
            Map::from_iter([
                ("properties".to_owned(), Value::Object(properties)),
                ("required".to_owned(), Value::Array(required)),
            ])
        })
    }
}

/// Adds properties, unless one of them is there already and different.
fn join(properties: &mut Map<String, Value>, more: &Value) -> Option<()> {
    for (name, property) in more.as_object()? {
        if properties.get(name).is_some_and(|known| known != property) {
            return None;
        }
        properties.insert(name.clone(), property.clone());
    }
    Some(())
}
