//! Members that the root of a schema does not name in `properties`.

use serde_json::{Value, json};

use super::super::Marks;
use super::{build, check_in, given, marks, problems, tool};
use crate::json;

const UNNAMED: &str = "it takes arguments that its schema does not name, so no call with an argument could pass: list `*` as `opaque` in the inventory, or describe them under `schemas`";

fn branch(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

#[test]
fn a_root_without_names_needs_the_word_of_the_bundle() {
    let free = json!({ "type": "object", "additionalProperties": true });
    for root in [
        free.clone(),
        json!({ "type": "object", "additionalProperties": {} }),
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        json!({ "type": "object", "properties": {}, "additionalProperties": { "type": "string" } }),
        json!({ "type": "object", "patternProperties": { "^x-": { "type": "string" } } }),
        json!({ "type": "object", "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] }),
        json!({ "oneOf": [{ "type": "object" }, branch(&json!({ "a": {} }), &[])] }),
        json!({ "allOf": [branch(&json!({ "a": {} }), &[]), branch(&json!({ "b": {} }), &[])] }),
    ] {
        assert_eq!(problems(root.clone(), Marks::default()), UNNAMED, "{root}");
        let any = tool(root.clone(), marks(&[], &["*"]));
        assert_eq!(any.input_type(), "{}", "{root}");
        check_in(&any, r#"{"a":[1],"[unknown]":{}}"#, "context.input == {}");
        let typed = tool(root.clone(), given(&json!({ "a": { "type": "integer" } })));
        check_in(&typed, r#"{"a":1}"#, "context.input.a == 1");
        assert_eq!(
            build(&typed, r#"{"a":1,"b":2}"#).err().as_deref(),
            Some("argument `b` is not known to the tool"),
            "{root}"
        );
    }
    let both =
        Marks { opaque: vec!["*".to_owned()], ..given(&json!({ "a": { "type": "integer" } })) };
    let both = tool(free.clone(), both);
    check_in(&both, r#"{"b":2,"a":1}"#, "context.input.a == 1");
    for like in ["A", "_a", "a."] {
        let message = format!("argument `{like}` is not known to the tool");
        assert_eq!(build(&both, &format!("{{\"a\":1,\"{like}\":2}}")).err(), Some(message));
    }
    assert_eq!(
        build(&both, r#"{"b":2,"a":"1"}"#).err().as_deref(),
        Some("argument `a` must be an integer")
    );
    let missing = problems(free, given(&json!({ "*": { "type": "integer" } })));
    assert_eq!(missing, UNNAMED);
}

#[test]
fn a_tool_without_arguments_stays_one() {
    for root in [
        json!({ "type": "object" }),
        json!({ "type": "object", "properties": {} }),
        json!({ "type": "object", "additionalProperties": false }),
        json!({ "type": "object", "properties": {}, "additionalProperties": true }),
        json!({ "type": "object", "properties": {}, "additionalProperties": {}, "patternProperties": {} }),
    ] {
        let tool = tool(root.clone(), Marks::default());
        assert_eq!(
            build(&tool, r#"{"a":1}"#).err().as_deref(),
            Some("argument `a` is not known to the tool"),
            "{root}"
        );
    }
}

#[test]
fn what_is_beside_named_arguments() {
    let root = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["b"] });
    assert_eq!(problems(root.clone(), Marks::default()), "`b` is required but not described");
    let tool = tool(root.clone(), marks(&["b", "c.d"], &["*"]));
    check_in(&tool, r#"{"a":1,"b":null,"c":2}"#, "context.input.a == 1");
    assert_eq!(build(&tool, r#"{"a":1}"#).err().as_deref(), Some("argument `b` is required"));
    assert_eq!(
        build(&tool, r#"{"a":"1","b":1}"#).err().as_deref(),
        Some("argument `a` must be an integer")
    );
    assert_eq!(
        build(&tool, r#"{"b":1,"__proto__":{"a":2}}"#).err().as_deref(),
        Some("argument `__proto__` is not known to the tool")
    );
    let closed = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "additionalProperties": false });
    assert_eq!(
        problems(closed, marks(&[], &["*"])),
        "argument `*`: bundle.yaml lists it under `opaque`, but the tool has no such argument"
    );
    assert!(
        problems(super::one(json!({ "type": "string" })), given(&json!({ "c": {} })))
            .contains("argument `c`: bundle.yaml lists it under `schemas`")
    );
}

#[test]
fn either_of_two_arguments() {
    let root = json!({ "type": "object",
        "properties": { "project": { "type": "integer" }, "organization": { "type": "integer" } },
        "anyOf": [{ "required": ["project"] }, { "required": ["organization"] }] });
    let tool = tool(root, Marks::default());
    check_in(&tool, r#"{"project":1}"#, "context.input.project == 1");
    assert_eq!(tool.notes().len(), 1, "{:?}", tool.notes());
}

#[test]
fn branches_name_arguments() {
    let text = || json!({ "type": "string" });
    let root = json!({
        "oneOf": [
            branch(&json!({ "kind": { "const": "a" }, "id": text(), "n": { "type": "integer" } }), &["kind", "id"]),
            { "$ref": "#/$defs/B" },
            { "type": "null" },
        ],
        "$defs": { "B": branch(&json!({ "kind": { "const": "b" }, "id": text(), "n": text(), "secret": {} }), &["kind", "id"]) },
    });
    let tool = tool(root, marks(&["secret"], &["secret"]));
    assert_eq!(
        tool.input_type(),
        "{ id: String, kind: String, n?: { typeChoice0?: Long, typeChoice1?: String } }"
    );
    check_in(
        &tool,
        r#"{"kind":"b","id":"i","n":"x","secret":1}"#,
        "context.input.n.typeChoice1 == \"x\"",
    );
    // Members of different branches may come together: the tool refuses that.
    check_in(&tool, r#"{"kind":"a","id":"i","secret":1}"#, "context.input.kind == \"a\"");
    for (arguments, message) in [
        (r#"{"kind":"c","id":"i"}"#, "argument `kind` must be one of its declared values"),
        (r#"{"kind":"a","id":"i","other":1}"#, "argument `other` is not known to the tool"),
        (r#"{"kind":"a"}"#, "argument `id` is required"),
    ] {
        assert_eq!(build(&tool, arguments).err().as_deref(), Some(message), "{arguments}");
    }
    let beside = json!({ "type": "object", "properties": { "id": text() },
        "anyOf": [branch(&json!({ "id": { "type": "integer" }, "a": text() }), &["a"]), branch(&json!({ "b": text() }), &["b"])] });
    assert_eq!(
        super::tool(beside, Marks::default()).input_type(),
        "{ a?: String, b?: String, id?: String }"
    );
}

#[test]
fn clients_add_arguments_that_a_tool_may_name_itself() {
    let own = tool(super::one(json!({ "type": "string" })), Marks::default());
    check_in(&own, r#"{"x":"a","toolCallId":{"b":1}}"#, "context.input.x == \"a\"");
    for other in ["toolcallid", "toolCallId ", "tool.CallId"] {
        let message = format!("argument `{other}` is not known to the tool");
        assert_eq!(build(&own, &format!("{{\"{other}\":1}}")).err(), Some(message));
    }
    for like in ["tool_call_id", "TOOLCALLID"] {
        let named = json!({ "type": "object", "properties": { like: { "type": "integer" } } });
        let named = tool(named, Marks::default());
        assert!(build(&named, r#"{"toolCallId":1}"#).is_err(), "{like}");
        assert!(build(&named, &format!("{{\"{like}\":1}}")).is_ok(), "{like}");
    }
    let nested = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let nested = tool(super::one(nested), Marks::default());
    assert!(build(&nested, r#"{"x":{"toolCallId":1}}"#).is_err());
    let named = json!({ "type": "object", "properties": { "toolCallId": { "type": "integer" } }, "required": ["sessionToken"] });
    assert_eq!(problems(named.clone(), Marks::default()), "");
    let named = tool(named, Marks::default());
    check_in(&named, r#"{"toolCallId":1,"sessionToken":2}"#, "context.input.toolCallId == 1");
    assert_eq!(
        build(&named, r#"{"toolCallId":1}"#).err().as_deref(),
        Some("argument `sessionToken` is required")
    );
}

#[test]
fn records_of_what_the_root_does_not_name() {
    let root = json!({ "type": "object", "properties": { "id": { "type": "integer" } } });
    let tool = tool(root, marks(&["note", "to.phone", "toolCallId"], &["*"]));
    let text = r#"{"id":1,"[unknown]":2,"note":"a","notes":"b","to":{"phone":1,"n":2},"api_key":"k","toolCallId":"c","":"d","Note":"e"}"#;
    let value = json::read(text.as_bytes(), 8).expect("JSON");
    let shown = tool.redacted(value.as_object(), None, 500).expect("it is short");
    assert_eq!(
        shown.as_str(),
        r#"{"id":1,"[unknown]":2,"note":"[redacted]","notes":"b","to":{"phone":"[redacted]","n":2},"api_key":"[redacted]","toolCallId":"[redacted]","":"d","Note":"[redacted]"}"#
    );
    // What is refused because it is like a named argument could be anything.
    let alike = json::read(br#"{"[unknown]":1,"ID":2,"id_":3}"#, 8).expect("JSON");
    let shown = tool.redacted(alike.as_object(), None, 500).expect("it is short");
    assert_eq!(shown.as_str(), r#"{"[unknown]":2}"#);
    let all = super::tool(
        json!({ "type": "object", "additionalProperties": true }),
        marks(&["*"], &["*"]),
    );
    assert_eq!(
        all.redacted(value.as_object(), None, 500)
            .expect("it is short")
            .as_str()
            .matches("[redacted]")
            .count(),
        9
    );
}
