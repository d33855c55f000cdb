//! Placeholders for withheld values. If no policy reads the value, any value that fits the schema
//! will do; if one does, the decision is not used.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::log::arguments::is_mark;
use crate::json;
use crate::tool::{ArgumentError, Tool};

/// Maximum nesting; no recorded call reaches it.
const DEPTH: usize = 128;

/// Replaces every mark by a value that all these tools accept. The error names an argument that has
/// none.
pub(super) fn fill(arguments: &Value, tools: &[&Tool], schema: &Value) -> Result<Value, String> {
    let mut places = Vec::new();
    collect(arguments, &mut Vec::new(), &mut places);
    let mut marks: Vec<Placeholder> =
        places.into_iter().map(|place| Placeholder::new(place, schema)).collect();
    // Each iteration either succeeds or removes one candidate.
    loop {
        let mut filled = arguments.clone();
        for mark in &marks {
            let candidate = mark.candidates.last().ok_or_else(|| mark.path.clone())?;
            put(&mut filled, &mark.place, candidate.clone()).ok_or_else(|| mark.path.clone())?;
        }
        let Some(error) = tools.iter().find_map(|tool| accept(tool, &filled).err()) else {
            return Ok(filled);
        };
        let blamed = marks.iter_mut().find(|mark| mark.path == error.path());
        let Some(blamed) = blamed else { return Err(error.path().to_owned()) };
        blamed.candidates.pop();
    }
}

/// The position of a withheld value with its candidates; the last candidate is tried first.
struct Placeholder {
    place: Vec<Step>,
    /// The path as shown in errors.
    path: String,
    candidates: Vec<Option<Value>>,
}

impl Placeholder {
    fn new(place: Vec<Step>, schema: &Value) -> Self {
        let mut candidates = candidates(schema, &place);
        candidates.reverse();
        Self { path: dotted(&place), place, candidates }
    }
}

fn accept(tool: &Tool, arguments: &Value) -> Result<(), ArgumentError> {
    let text = arguments.to_string();
    // Serialized JSON parses; arguments nested deeper than the limit fit no tool.
    let value = json::read_body(text.as_bytes(), DEPTH, usize::MAX).ok();
    tool.arguments(value.as_ref().and_then(|value| value.as_object()), usize::MAX).map(|_| ())
}

#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Position(usize),
}

/// Collects the paths of marks.
fn collect(value: &Value, path: &mut Vec<Step>, places: &mut Vec<Vec<Step>>) {
    match value {
        Value::String(text) if is_mark(text) => places.push(path.clone()),
        Value::Object(members) => {
            for (name, value) in members {
                path.push(Step::Name(name.clone()));
                collect(value, path, places);
                path.pop();
            }
        }
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                path.push(Step::Position(position));
                collect(element, path, places);
                path.pop();
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The path as shown in errors: `contact.emails[0]`.
fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Name(name) if text.is_empty() => text.push_str(name),
            // Writing to a `String` cannot fail.
            Step::Name(name) => drop(write!(text, ".{name}")),
            Step::Position(position) => drop(write!(text, "[{position}]")),
        }
    }
    text
}

/// Sets the value at a path, or removes the member if there is no value.
fn put(arguments: &mut Value, path: &[Step], value: Option<Value>) -> Option<()> {
    let (last, way) = path.split_last()?;
    let mut at = arguments;
    for step in way {
        at = match step {
            Step::Name(name) => at.get_mut(name)?,
            Step::Position(position) => at.get_mut(*position)?,
        };
    }
    match (last, value) {
        (Step::Name(name), Some(value)) => *at.get_mut(name)? = value,
        (Step::Name(name), None) => drop(at.as_object_mut()?.remove(name)),
        (Step::Position(position), Some(value)) => *at.get_mut(*position)? = value,
        // Elements cannot be removed; if the mark in its place does not fit the schema, the
        // candidate fails.
        (Step::Position(_), None) => {}
    }
    Some(())
}

/// The candidates: the mark itself, no value, values from the schema, and one value of each type.
fn candidates(schema: &Value, path: &[Step]) -> Vec<Option<Value>> {
    let schema = described(schema, path);
    let named = |keyword: &str| schema.and_then(|schema| schema.get(keyword)).cloned();
    let listed = |keyword: &str| named(keyword)?.as_array()?.first().cloned();
    let from_schema = [
        named("const"),
        listed("enum"),
        named("default"),
        listed("examples"),
        named("minimum"),
        named("maximum"),
    ];
    let usual = [
        Value::Null,
        json!(0),
        json!(1),
        json!(false),
        json!([]),
        json!({}),
        json!(""),
        json!("a"),
        json!("2026-01-01"),
        json!("2026-01-01T00:00:00Z"),
        json!("PT1S"),
        json!("192.0.2.1"),
        json!("2001:db8::1"),
        json!("someone@example.com"),
        json!("https://example.com/"),
        json!("00000000-0000-4000-8000-000000000000"),
    ];
    let mark = Some(json!("[redacted]"));
    let values = mark.into_iter().chain(from_schema.into_iter().flatten()).chain(usual);
    std::iter::once(None).chain(values.map(Some)).collect()
}

/// The subschema for a path, as far as the schema has it at that path itself.
fn described<'a>(schema: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(schema, |schema, step| match step {
        Step::Name(name) => schema.get("properties")?.get(name),
        Step::Position(_) => schema.get("items"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::{Marks, Surroundings, read_tools};

    /// Fills arguments in which `a` is withheld, with this schema of `a`.
    #[track_caller]
    fn check(schema: &Value, withheld: &Value, fits: bool) {
        let input = json!({
            "type": "object",
            "properties": { "a": schema, "b": { "type": "integer" } },
            "required": ["a", "b"],
        });
        let list = json!([{ "name": "t", "inputSchema": input }]);
        let description = read_tools(&list).expect("a tool").remove(0);
        let surroundings = Surroundings::default();
        let tool =
            Tool::new("s", "t", &description, Marks::default(), &surroundings).expect("a tool");
        let filled = fill(&json!({ "a": withheld, "b": 1 }), &[&tool], &input);
        match filled {
            Ok(filled) => assert!(fits && accept(&tool, &filled).is_ok(), "{schema}: {filled}"),
            Err(argument) => assert!(!fits && argument.starts_with('a'), "{schema}: {argument}"),
        }
    }

    #[test]
    fn whatever_fits_takes_the_place_of_a_mark() {
        let mark = json!("[redacted]");
        for schema in [
            json!({ "type": "string" }),
            json!({ "type": "string", "maxLength": 3 }),
            json!({ "type": "string", "enum": ["x", "y"] }),
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": "integer", "minimum": 7 }),
            json!({ "type": "number", "exclusiveMaximum": 1 }),
            json!({ "type": "boolean" }),
            json!({ "type": "array", "items": { "type": "integer" } }),
            json!({ "type": ["integer", "null"] }),
            json!({ "type": "string", "pattern": "^c-\\d+$", "examples": ["c-1"] }),
        ] {
            check(&schema, &mark, true);
        }
        check(&json!({ "type": "string", "pattern": "^c-\\d+$" }), &mark, false);
        let inner = json!({ "type": "object", "properties": { "x": { "type": "integer" }, "y": { "type": "boolean" } } });
        check(&inner, &json!({ "x": mark, "y": mark }), true);
        let list = json!({ "type": "array", "items": { "type": "integer" } });
        check(&list, &json!([1, mark, mark]), true);
    }
}
