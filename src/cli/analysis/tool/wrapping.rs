//! Arguments of a call with an inner call.

use serde_json::{Map, Value, json};

use crate::tool::Wraps;

/// The arguments with which a tool runs the tool of this name on the wire, and nothing else.
pub(super) fn arguments(wraps: &Wraps, name: &str, arguments: &Value) -> Value {
    let mut all = Map::new();
    put(&mut all, wraps.naming(), json!(name));
    let text = || json!(arguments.to_string());
    let carried = if wraps.takes_text_only() { text() } else { arguments.clone() };
    put(&mut all, wraps.carrier(), carried);
    Value::Object(all)
}

/// Sets the value at a path of members, with an object for every step to it.
fn put(members: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => drop(members.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let inner = members.entry(first).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Marks;
    use crate::tool::tests::tool;

    #[test]
    fn a_tool_gets_the_call_where_it_looks_for_it() {
        let written = |kind: &str, required: &[&str]| {
            let call = json!({ "n": { "type": "string" }, "a": { "type": kind } });
            let call = json!({ "type": "object", "properties": call });
            let all = json!({ "call": call, "why": { "type": "string" } });
            let schema = json!({ "type": "object", "properties": all, "required": required });
            let wraps = json!({ "wraps": { "tool": "call.n", "arguments": "call.a" } });
            let marks: Marks = serde_json::from_value(wraps).expect("marks");
            tool(schema, marks).wrapping("get", &json!({ "b": 1 }))
        };
        let with = |carried: Value| Some(json!({ "call": { "n": "get", "a": carried } }));
        assert_eq!(written("object", &[]), with(json!({ "b": 1 })));
        assert_eq!(written("string", &["call"]), with(json!("{\"b\":1}")));
        assert_eq!(written("object", &["why"]), None);
    }
}
