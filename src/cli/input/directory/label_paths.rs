//! Finds labels on parts that results of a tool cannot have, by the schema of its results. That stays
//! in the directory: the filter does not need it.

use serde_json::Value;

use crate::bundle::{Code, Finding, ServerNotes, Site};
use crate::cli::output::fuzzy_match;
use crate::tool::{ResultPath, Step};

/// References are followed this often, since they can lead in a circle.
const LONGEST_CHAIN: usize = 32;

/// Keywords besides `properties` that could describe a member.
const MORE: [&str; 10] = [
    "patternProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "dependentSchemas",
    "dependencies",
    "$dynamicRef",
    "$recursiveRef",
    "propertyNames",
];

/// One finding for each path of a label that leads nowhere. `list` is the server's list of tools.
pub(super) fn check(server: &str, notes: &ServerNotes, tools: &[Value]) -> Vec<Finding> {
    let entries = notes.tools.iter().flat_map(|(name, marks)| {
        let wire_name = marks.name.as_deref().unwrap_or(name);
        let is_of = |tool: &&Value| tool.get("name").is_some_and(|name| name == wire_name);
        let schema = tools.iter().find(is_of).and_then(|tool| tool.get("outputSchema"));
        let paths = marks.labels.iter().flat_map(|(label, paths)| {
            paths.iter().enumerate().map(move |(position, path)| (label, position, path))
        });
        let schema = schema.filter(|_| !marks.labels.is_empty());
        paths.filter_map(move |(label, position, path)| {
            let missing = missing(schema?, ResultPath::parse(path)?.steps())?;
            let key = format!("servers.{server}.tools.{name}.labels.{label}.{position}");
            Some(finding(key, path, missing))
        })
    });
    entries.collect()
}

/// A member that a schema does not have.
#[derive(Debug, Eq, PartialEq)]
struct Missing {
    name: String,
    /// One that it has, with a similar name.
    near: Option<String>,
}

fn finding(key: String, path: &str, Missing { name, near }: Missing) -> Finding {
    let message =
        format!("`{path}` is in no result: the tool's `outputSchema` has no `{name}` there");
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a part that the tool's results have, or remove the path".to_owned(),
    };
    Finding::new(Code::LabelPath, Site::Manifest(key), message).with_help(help)
}

/// The first member on a path that no result can have, or that is likely misspelt. Where a schema does
/// not tell, there is none.
fn missing(whole: &Value, path: &[Step]) -> Option<Missing> {
    let mut schema = resolved(whole, whole)?;
    for step in path {
        let within = match step {
            Step::Member(name) => {
                let properties = schema.get("properties")?.as_object()?;
                let Some(within) = properties.get(name) else {
                    return absent(schema, name, properties.keys().map(String::as_str));
                };
                within
            }
            Step::Items if schema.get("prefixItems").is_none() => schema.get("items")?,
            // Any of the members could lead further.
            Step::Items | Step::Members => return None,
        };
        schema = resolved(whole, within)?;
    }
    None
}

fn absent<'a>(schema: &Value, name: &str, known: impl Iterator<Item = &'a str>) -> Option<Missing> {
    if MORE.iter().any(|keyword| schema.get(keyword).is_some()) {
        return None;
    }
    let near = fuzzy_match::nearest(name, known).map(str::to_owned);
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    (is_closed || near.is_some()).then(|| Missing { name: name.to_owned(), near })
}

/// The schema that a reference refers to; `None` if there is none, or if more than it describes members.
fn resolved<'a>(whole: &'a Value, mut schema: &'a Value) -> Option<&'a Value> {
    for _ in 0..LONGEST_CHAIN {
        let Some(reference) = schema.get("$ref") else { return Some(schema) };
        let more = MORE.iter().chain(&["properties"]);
        if more.copied().any(|keyword| schema.get(keyword).is_some()) {
            return None;
        }
        schema = whole.pointer(reference.as_str()?.strip_prefix('#')?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(schema: &Value, path: &str, expected: Option<(&str, Option<&str>)>) {
        let path = ResultPath::parse(path).expect("a path");
        let expected = expected
            .map(|(name, near)| Missing { name: name.to_owned(), near: near.map(str::to_owned) });
        assert_eq!(missing(schema, path.steps()), expected, "{schema}");
    }

    #[test]
    fn a_path_through_what_is_described() {
        let person = json!({ "properties": { "email": {}, "phones": { "items": {} } } });
        let schema = json!({
            "properties": {
                "owner": { "$ref": "#/$defs/person" },
                "people": { "type": "array", "items": { "$ref": "#/$defs/person" } },
            },
            "$defs": { "person": person },
            "additionalProperties": false,
        });
        for path in ["owner.email", "people[].phones[]", "people[].email.any", "*.emial"] {
            check(&schema, path, None);
        }
        check(&schema, "owner.emial", Some(("emial", Some("email"))));
        check(&schema, "people[].phonse[]", Some(("phonse", Some("phones"))));
        check(&schema, "card.number", Some(("card", None)));
        // The schema of people is open, and has nothing like it.
        check(&schema, "owner.card", None);
    }

    #[test]
    fn what_a_schema_does_not_tell() {
        let properties = json!({ "email": {} });
        for keyword in MORE {
            let schema = json!({
                "properties": properties, "additionalProperties": false, (keyword): {}
            });
            check(&schema, "emial", None);
        }
        check(&json!({ "type": "object" }), "email", None);
        check(&json!(true), "email", None);
        check(&json!({ "properties": properties }), "card", None);
        check(&json!({ "$ref": "#" }), "card", None);
        check(&json!({ "$ref": "#/no", "properties": properties }), "emial", None);
        let tuple = json!({ "items": false, "prefixItems": [{ "properties": properties }] });
        check(&tuple, "[].emial", None);
    }
}
