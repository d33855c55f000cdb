//! Compares tools: their descriptions by the server, and the notes in `bundle.yaml`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::change::{Bearing, Change, Part, by_name};
use super::values::{self, Difference};
use crate::bundle::{Described, Document};

/// Marks that change the record but no decision.
const RECORDED: [&str; 4] = ["redact", "data_class", "operation", "cost"];
/// JSON Schema keywords that assert nothing.
const WORDS: [&str; 7] =
    ["title", "description", "examples", "default", "deprecated", "$comment", "$schema"];
/// The member of a tool's description with the schema of the arguments.
const SCHEMA: &str = "inputSchema";

/// The differences between the tools, by `<server>/<tool>`.
pub(super) fn tools(old: &Document, new: &Document) -> Vec<Change> {
    by_name(Part::Tool, &by_tool(old), &by_tool(new), |_, before, after| match (before, after) {
        (None, _) => Some((Bearing::MayWiden, Vec::new())),
        (Some(_), None) => Some((Bearing::Narrows, Vec::new())),
        (Some(_), Some(_)) => {
            let found = values::differences(before, after);
            let bearing = found.iter().map(bearing).max()?;
            Some((bearing, found.into_iter().map(named).collect()))
        }
    })
}

/// The server's description and the marks of each tool. All of its classes are among the marks.
fn by_tool(document: &Document) -> BTreeMap<String, Value> {
    let described = document.described().map(|Described { server, name, marks, tool }| {
        let mut tool = json!(tool);
        // The schema is compared itself.
        tool.pointer_mut("/members").and_then(Value::as_object_mut).map(|pin| pin.remove(SCHEMA));
        tool.as_object_mut().map(|members| members.remove("classes"));
        (format!("{server}/{name}"), json!({ "tool": tool, "marks": marks }))
    });
    described.collect()
}

fn bearing(difference: &Difference) -> Bearing {
    let path: Vec<&str> = difference.path.iter().map(String::as_str).collect();
    let harmless = match path.as_slice() {
        ["marks", mark, ..] => RECORDED.contains(mark),
        // Texts of the server for models, which no policy reads.
        ["tool", "digest" | "members", ..] => true,
        ["tool", SCHEMA, inner @ ..] => keyword(inner).is_some_and(|word| WORDS.contains(&word)),
        _ => false,
    };
    if harmless { Bearing::None } else { Bearing::MayWiden }
}

/// The JSON Schema keyword that a path leads to or through, as opposed to an argument name.
fn keyword<'a>(path: &[&'a str]) -> Option<&'a str> {
    let mut steps = path.iter();
    let mut found = None;
    while let Some(step) = steps.next() {
        match *step {
            // The next step is a name, followed by a schema.
            "properties" | "$defs" | "definitions" => {
                steps.next();
                found = None;
            }
            "items" | "additionalProperties" => found = None,
            word => return Some(word),
        }
    }
    found
}

/// Replaces the path in the schema by the path of the argument:
/// `properties.details.properties.phone.maxLength` becomes `details.phone`, `maxLength`.
fn named(difference: Difference) -> Difference {
    let [first, second, inner @ ..] = difference.path.as_slice() else { return difference };
    if first == "marks" {
        let path = difference.path.iter().skip(1).cloned().collect();
        return Difference { path, ..difference };
    }
    if second != SCHEMA {
        let path = vec![inner.first().unwrap_or(second).clone()];
        return Difference { path, ..difference };
    }
    let mut argument = String::new();
    let mut steps = inner.iter();
    let mut rest = Vec::new();
    while let Some(step) = steps.next() {
        match step.as_str() {
            "properties" => {
                let name = steps.next().map(String::as_str).unwrap_or_default();
                let separator = if argument.is_empty() { "" } else { "." };
                argument = format!("{argument}{separator}{name}");
            }
            "items" => argument.push_str("[]"),
            keyword => {
                rest.push(keyword.to_owned());
                rest.extend(steps.by_ref().cloned());
            }
        }
    }
    let argument = if argument.is_empty() { "arguments".to_owned() } else { argument };
    let path = std::iter::once(argument).chain(rest).collect();
    Difference { path, ..difference }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str, expected_bearing: Bearing) {
        let path = path.split('/').map(str::to_owned).collect();
        let difference = Difference { path, before: None, after: None };
        let found = bearing(&difference);
        assert_eq!(
            (named(difference).path.join(" "), found),
            (expected.to_owned(), expected_bearing)
        );
    }

    #[test]
    fn places_in_a_schema_are_told_by_argument() {
        use Bearing::{MayWiden, None};
        check("tool/inputSchema/properties/a/maximum", "a maximum", MayWiden);
        check(
            "tool/inputSchema/properties/a/properties/b/items/description",
            "a.b[] description",
            None,
        );
        check("tool/inputSchema/properties/description", "description", MayWiden);
        check("tool/inputSchema/required", "arguments required", MayWiden);
        check("tool/inputSchema/$defs/title/type", "arguments $defs title type", MayWiden);
        check("marks/redact", "redact", None);
        check("marks/classes", "classes", MayWiden);
    }
}
