//! The changes of one policy, made in Cedar's JSON form of it.

use std::str::FromStr as _;

use cedar_policy::{Policy, PolicyId};
use serde_json::{Map, Value, json};

use crate::cli::analysis::constants;

/// A changed policy.
#[derive(Debug)]
pub(super) struct Change {
    /// What is different, in words.
    pub(super) what: String,
    /// The text of the policy with the change.
    pub(super) source: String,
    /// The constants of the unchanged policy.
    pub(super) constants: Vec<Value>,
}

/// Operators and functions, and what each becomes: the nearest that could be confused with it.
const SWAPS: [(&str, &str); 12] = [
    ("&&", "||"),
    ("||", "&&"),
    ("==", "!="),
    ("!=", "=="),
    ("<", "<="),
    ("<=", "<"),
    (">", ">="),
    (">=", ">"),
    ("lessThan", "lessThanOrEqual"),
    ("lessThanOrEqual", "lessThan"),
    ("greaterThan", "greaterThanOrEqual"),
    ("greaterThanOrEqual", "greaterThan"),
];

/// Functions of values that are written as text; a changed text would mostly be none.
const WRITTEN: [&str; 3] = ["datetime", "duration", "ip"];

/// All changes of a policy.
pub(super) fn all(source: &str) -> Vec<Change> {
    let Some(json) = Policy::from_str(source).ok().and_then(|policy| policy.to_json().ok()) else {
        return Vec::new();
    };
    let mut edits = Vec::new();
    effect(&json, &mut edits);
    scope(&json, &mut edits);
    for (position, condition) in array(json.get("conditions")).iter().enumerate() {
        if let Some(body) = condition.get("body") {
            expression(body, &format!("/conditions/{position}/body"), &mut edits);
        }
    }
    let constants = constants::of(&json);
    let changes = edits.into_iter().filter_map(|Edit { place, value, what }| {
        let mut changed = json.clone();
        *changed.pointer_mut(&place)? = value;
        let policy = Policy::from_json(Some(PolicyId::new("changed")), changed).ok()?;
        Some(Change { what, source: policy.to_cedar()?, constants: constants.clone() })
    });
    changes.collect()
}

/// A new value at a place in the JSON.
struct Edit {
    place: String,
    value: Value,
    what: String,
}

impl Edit {
    fn new(place: &str, value: Value, what: String) -> Self {
        Self { place: place.to_owned(), value, what }
    }
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn effect(policy: &Value, edits: &mut Vec<Edit>) {
    let other = match policy.get("effect").and_then(Value::as_str) {
        Some("permit") => "forbid",
        _ => "permit",
    };
    edits.push(Edit::new("/effect", other.into(), format!("it becomes a `{other}`")));
}

/// The role, or whatever else the scope asks of the principal.
fn scope(policy: &Value, edits: &mut Vec<Edit>) {
    let asks = policy.pointer("/principal/op").is_some_and(|op| op != "All");
    if asks {
        edits.push(Edit::new(
            "/principal",
            json!({ "op": "All" }),
            "it is about everybody".to_owned(),
        ));
    }
}

fn expression(node: &Value, place: &str, edits: &mut Vec<Edit>) {
    match node {
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                expression(element, &format!("{place}/{position}"), edits);
            }
        }
        Value::Object(members) => {
            for (operator, operands) in members {
                operation(node, operator, operands, place, edits);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn operation(node: &Value, operator: &str, operands: &Value, place: &str, edits: &mut Vec<Edit>) {
    let below = format!("{place}/{}", operator.replace('~', "~0").replace('/', "~1"));
    if let Some((_, swapped)) = SWAPS.iter().find(|(from, _)| *from == operator) {
        let changed = Map::from_iter([((*swapped).to_owned(), operands.clone())]);
        edits.push(Edit::new(place, changed.into(), format!("`{operator}` becomes `{swapped}`")));
    }
    match operator {
        "Value" => edits.extend(
            constants::neighbours(operands)
                .into_iter()
                .map(|(value, what)| Edit::new(&below, value, what)),
        ),
        "decimal" => {
            let texts = constants::decimals(node).into_iter();
            edits.extend(texts.map(|(value, what)| Edit::new(place, value, what)));
        }
        "in" => {
            edits.push(Edit::new(
                place,
                json!({ "Value": true }),
                "an `in` always holds".to_owned(),
            ));
            parts(operands, &below, edits);
        }
        "!" => {
            if let Some(argument) = operands.get("arg") {
                edits.push(Edit::new(place, argument.clone(), "a `!` is left out".to_owned()));
            }
            parts(operands, &below, edits);
        }
        // The names of attributes are no expressions.
        "." | "has" | "like" | "is" => {
            for side in ["left", "in"] {
                if let Some(part) = operands.get(side) {
                    expression(part, &format!("{below}/{side}"), edits);
                }
            }
        }
        "Record" => {
            for (name, member) in operands.as_object().into_iter().flatten() {
                let name = name.replace('~', "~0").replace('/', "~1");
                expression(member, &format!("{below}/{name}"), edits);
            }
        }
        written if WRITTEN.contains(&written) => {}
        "Var" | "Slot" => {}
        _ => parts(operands, &below, edits),
    }
}

/// The operands of an operator, by name or in order.
fn parts(operands: &Value, place: &str, edits: &mut Vec<Edit>) {
    match operands {
        Value::Object(parts) => {
            for (name, part) in parts {
                expression(part, &format!("{place}/{name}"), edits);
            }
        }
        Value::Array(_) => expression(operands, place, edits),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &str, expected: &[&str]) {
        let found: Vec<_> = all(policy).into_iter().map(|change| change.what).collect();
        assert_eq!(found, expected, "{policy}");
    }

    #[test]
    fn every_place_is_changed_alone() {
        check("permit (principal, action, resource);", &["it becomes a `forbid`"]);
        check(
            r#"forbid (principal in Role::"a", action, resource)
               unless { context.input.n < 5 && context.input.s == "x" };"#,
            &[
                "it becomes a `permit`",
                "it is about everybody",
                "`&&` becomes `||`",
                "`<` becomes `<=`",
                "`5` becomes `4`",
                "`5` becomes `6`",
                "`==` becomes `!=`",
                r#"`"x"` becomes `"x~"`"#,
            ],
        );
        check(
            r#"permit (principal, action, resource)
               when { context.input.d.lessThan(decimal("500.0")) || !(principal in Role::"a") };"#,
            &[
                "it becomes a `forbid`",
                "`||` becomes `&&`",
                "`lessThan` becomes `lessThanOrEqual`",
                "`500.0` becomes `499.9`",
                "`500.0` becomes `500.1`",
                "a `!` is left out",
                "an `in` always holds",
                r#"`Role::"a"` becomes `Role::"a~"`"#,
            ],
        );
    }

    #[test]
    fn a_change_is_in_the_text() {
        let changes = all("permit (principal, action, resource) when { context.n < 1 };");
        let texts: Vec<_> = changes.iter().map(|change| change.source.as_str()).collect();
        for (text, part) in texts.iter().zip(["forbid", "<= 1", "< 0", "< 2"]) {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(texts.len(), 4);
    }
}
