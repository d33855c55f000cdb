//! An OpenAPI document with the semantics of its version.

use serde_json::{Map, Value};

use crate::cli::output::escape::shown;

/// The member of a tool's `_meta` that names its operation.
pub(in crate::cli::offered) const OPERATION: &str = "dev.toolgate/operation";

/// Maximum number of references followed in a chain.
const LONGEST_CHAIN: usize = 16;

/// A document with the semantics of its version.
pub(super) struct Api<'a> {
    pub(super) document: &'a Value,
    /// 3.0 has its own keywords for null and for exclusive bounds, and ignores members beside a
    /// reference.
    pub(super) is_3_0: bool,
}

impl<'a> Api<'a> {
    pub(super) fn new(document: &'a Value) -> Result<Self, String> {
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

    /// Resolves a value that may be a reference within the document.
    pub(super) fn resolve<'v>(&self, value: &'v Value) -> Result<&'v Value, String>
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

    /// A schema as one object with properties, if it is nothing else. An `allOf` of such objects
    /// also qualifies, unless two of them describe the same property differently.
    pub(super) fn plain_object(&self, schema: &Value) -> Option<Map<String, Value>> {
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
        // 3.1 allows members beside a reference, 3.0 ignores them.
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

/// Adds properties, unless one of them already exists and differs.
fn join(properties: &mut Map<String, Value>, more: &Value) -> Option<()> {
    for (name, property) in more.as_object()? {
        if properties.get(name).is_some_and(|known| known != property) {
            return None;
        }
        properties.insert(name.clone(), property.clone());
    }
    Some(())
}
