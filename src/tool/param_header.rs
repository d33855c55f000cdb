//! Arguments that clients mirror in `Mcp-Param-*` headers (MCP 2026-07-28).

use std::collections::BTreeSet;

use serde_json::Value;

use super::problem::Problem;

/// The JSON Schema keyword that declares the header.
const KEYWORD: &str = "x-mcp-header";
/// Keywords whose value is a schema, or an array of schemas.
const SCHEMAS: [&str; 15] = [
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
];
/// Keywords whose value is an object of schemas.
const MAPS: [&str; 4] = ["$defs", "definitions", "patternProperties", "dependentSchemas"];

/// An argument that a client mirrors in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamHeader {
    /// The name of the header after `Mcp-Param-`.
    pub name: String,
    /// The path of members to the argument.
    pub path: Vec<String>,
}

/// Finds the arguments with headers; the error lists every violated rule.
pub(super) fn read(schema: &Value) -> Result<Vec<ParamHeader>, Vec<(String, Problem)>> {
    let mut reader = Reader::default();
    reader.schema(schema, &[], true);
    if reader.problems.is_empty() { Ok(reader.headers) } else { Err(reader.problems) }
}

#[derive(Default)]
struct Reader {
    headers: Vec<ParamHeader>,
    names: BTreeSet<String>,
    problems: Vec<(String, Problem)>,
}

impl Reader {
    /// Parses a schema; `plain` is true if only `properties` led to it.
    fn schema(&mut self, schema: &Value, path: &[String], plain: bool) {
        if let Some(name) = schema.get(KEYWORD) {
            match header(name, schema, path, plain) {
                Ok(header) if self.names.insert(header.name.to_ascii_lowercase()) => {
                    self.headers.push(header);
                }
                Ok(_) => self.problem(path, "names the same header as another argument's"),
                Err(words) => self.problem(path, words),
            }
        }
        for (name, property) in members(schema.get("properties")) {
            let path: Vec<_> = path.iter().chain([name]).cloned().collect();
            self.schema(property, &path, plain);
        }
        for inner in SCHEMAS.iter().filter_map(|keyword| schema.get(keyword)) {
            self.schema(inner, path, false);
            for inner in inner.as_array().into_iter().flatten() {
                self.schema(inner, path, false);
            }
        }
        for (_, inner) in MAPS.iter().flat_map(|keyword| members(schema.get(keyword))) {
            self.schema(inner, path, false);
        }
    }

    fn problem(&mut self, path: &[String], words: &'static str) {
        self.problems.push((path.join("."), Problem::Header(words)));
    }
}

fn header(
    name: &Value,
    schema: &Value,
    path: &[String],
    plain: bool,
) -> Result<ParamHeader, &'static str> {
    let name = name.as_str().unwrap_or_default();
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("is no name that a header can have");
    }
    if !plain || path.is_empty() {
        return Err("is only allowed where nothing but `properties` leads to");
    }
    if !is_simple(schema) {
        return Err("is only allowed on an integer, a string or a boolean");
    }
    Ok(ParamHeader { name: name.to_owned(), path: path.to_vec() })
}

/// Whether the type is integer, string or boolean, optionally with null.
fn is_simple(schema: &Value) -> bool {
    let one = |kind: &Value| kind.as_str().filter(|kind| *kind != "null").map(ToOwned::to_owned);
    let types: Vec<String> = match (schema.get("type"), schema.get("anyOf")) {
        (Some(Value::Array(types)), _) => types.iter().filter_map(one).collect(),
        (Some(kind), _) => one(kind).into_iter().collect(),
        (None, Some(Value::Array(choices))) => choices
            .iter()
            .filter_map(|choice| one(choice.get("type").unwrap_or(&Value::from("unknown"))))
            .collect(),
        (None, _) => Vec::new(),
    };
    let [only] = types.as_slice() else { return false };
    matches!(only.as_str(), "integer" | "string" | "boolean")
}

fn members(map: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    map.and_then(Value::as_object).into_iter().flatten()
}

/// Whether a byte is a `tchar` of an RFC 9110 `token`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
