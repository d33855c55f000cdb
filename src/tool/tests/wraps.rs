//! The call inside a call: which arguments can name and carry it, and how they are read.

use serde_json::{Value, json};

use super::super::{Carried, Marks, Tool};
use super::{lines, tool, try_tool};
use crate::json;

fn marks(tool: &str, arguments: &str) -> Marks {
    let wraps = json!({ "tool": tool, "arguments": arguments });
    serde_json::from_value(json!({ "wraps": wraps })).expect("marks")
}

fn schema(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

/// A tool whose argument `a` has this schema and carries arguments.
fn carrying(a: &Value) -> Tool {
    tool(schema(&json!({ "n": { "type": "string" }, "a": a })), marks("n", "a"))
}

#[track_caller]
fn check_problem(properties: &Value, marks: Marks, key: &str, expected: &str) {
    let errors = try_tool(schema(properties), marks).err().unwrap_or_default();
    let text = lines(&errors);
    assert!(text.contains(expected), "{text}");
    assert_eq!(errors[0].key(), Some(key), "{text}");
}

#[test]
fn only_some_arguments_name_and_carry_a_call() {
    let text = || json!({ "type": "string" });
    let object = || json!({ "type": "object", "properties": { "b": { "type": "string" } } });
    let with = |a: Value| json!({ "n": text(), "a": a, "s": { "type": "array", "items": text() } });
    let (tool, arguments) = ("wraps.tool", "wraps.arguments");
    check_problem(&with(object()), marks("m", "a"), tool, "the tool has no such argument");
    check_problem(&with(object()), marks("s", "a"), tool, "only a plain string");
    let number = json!({ "n": { "type": "integer" }, "a": object() });
    check_problem(&number, marks("n", "a"), tool, "only a plain string");
    check_problem(&with(object()), marks("n", "b"), arguments, "the tool has no such argument");
    check_problem(&with(object()), marks("n", "n"), tool, "only a plain string");
    check_problem(&with(object()), marks("n", "toolCallId"), arguments, "does not name it");
    for other in [
        json!({ "type": "integer" }),
        json!({ "type": ["array", "null"] }),
        json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }] }),
        json!({ "enum": [1, 2] }),
        json!({ "$ref": "#/$defs/none" }),
    ] {
        check_problem(&with(other), marks("n", "a"), arguments, "carries arguments");
    }
    let default = json!({ "type": "object", "default": { "all": true } });
    check_problem(&with(default), marks("n", "a"), arguments, "with its default");
    let redacting = |path: &str| Marks { redact: vec![path.to_owned()], ..marks("n", "a") };
    check_problem(&with(object()), redacting("a"), arguments, "`redact` of the inner tools");
    check_problem(&with(object()), redacting("a.b"), arguments, "`redact` of the inner tools");
    check_problem(&with(object()), redacting("n"), tool, "remove it from `redact`");
    let schemas = [("a".to_owned(), object())].into();
    let described = Marks { schemas, ..marks("n", "a") };
    check_problem(
        &with(object()),
        described,
        arguments,
        "the arguments of the inner tools instead",
    );
    let opaque = Marks { opaque: vec!["a".to_owned()], ..marks("n", "a") };
    assert!(try_tool(schema(&with(json!({}))), opaque).is_ok());
}

/// What a call with these arguments carries: canonical JSON, or the error.
fn carried(tool: &Tool, arguments: &str) -> String {
    let read = json::read_body(arguments.as_bytes(), 64, 1000).expect("JSON");
    match tool.wraps().expect("an inner call").carried(read.as_object(), 4, 20) {
        Ok(Carried::Absent) => "nothing".to_owned(),
        Ok(carried) => carried.as_object().expect("arguments").canonical(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn arguments_are_read_in_the_declared_forms_only() {
    let object = json!({ "anyOf": [{ "$ref": "#/$defs/o" }, { "type": "null" }], "default": null });
    let mut defined = schema(&json!({ "n": { "type": "string" }, "a": object }));
    defined["$defs"] = json!({ "o": { "properties": { "x": {} }, "type": "object" } });
    let objects = tool(defined, marks("n", "a"));
    let texts = carrying(&json!({ "type": ["string", "null"], "default": "{}" }));
    let any = carrying(&json!({ "description": "whatever" }));
    let as_object = r#"{"a":{"x":1}}"#;
    let as_text = r#"{"a":" {\"x\" : 1.0}\n"}"#;
    for tool in [&objects, &texts, &any] {
        assert_eq!(carried(tool, "{}"), "nothing");
        assert_eq!(carried(tool, r#"{"a":null}"#), "nothing");
        for other in [r#"{"a":[]}"#, r#"{"a":1}"#, r#"{"a":true}"#] {
            assert!(carried(tool, other).starts_with("argument `a` must be "), "{other}");
        }
    }
    assert_eq!(carried(&objects, as_object), r#"{"x":1}"#);
    assert_eq!(carried(&objects, as_text), "argument `a` must be an object");
    assert_eq!(carried(&any, as_object), r#"{"x":1}"#);
    assert_eq!(carried(&any, as_text), r#"{"x":1}"#);
    assert_eq!(carried(&texts, as_text), r#"{"x":1}"#);
    let wrong = "argument `a` must be a string with the JSON text of an object";
    assert_eq!(carried(&texts, as_object), wrong);
}

#[test]
fn text_is_read_as_a_body_is() {
    let tool = carrying(&json!({ "type": "string" }));
    for (text, expected) in [
        ("", "must be strict JSON text: unexpected end"),
        ("null", "must be the JSON text of an object"),
        ("[]", "must be the JSON text of an object"),
        ("\"{}\"", "must be the JSON text of an object"),
        ("{\"x\":1,\"\\u0078\":2}", "duplicate key"),
        ("{\"x\":NaN}", "unexpected character"),
        ("{'x':1}", "unexpected character"),
        ("{\"x\":1}{}", "more data"),
        ("{\"x\":1,}", "unexpected character"),
        ("\u{feff}{}", "byte order mark"),
        ("{\"x\":\"\\ud800\"}", "lone surrogate"),
        ("{\"x\":01}", "malformed number"),
        ("{\"x\":[[[[1]]]]}", "nested too deep"),
        ("{\"x\":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]}", "too many values"),
    ] {
        let arguments = json!({ "a": text }).to_string();
        assert!(
            carried(&tool, &arguments).contains(expected),
            "{text}: {}",
            carried(&tool, &arguments)
        );
    }
}

#[test]
fn a_call_names_its_tool() {
    let tool = carrying(&json!({}));
    let name = |arguments: &str| {
        let read = json::read(arguments.as_bytes(), 64).expect("JSON");
        let name = tool.wraps().expect("an inner call").name(read.as_object());
        name.map(str::to_owned).map_err(|error| error.to_string())
    };
    assert_eq!(name(r#"{"n":"\u0061 "}"#), Ok("a ".to_owned()));
    for missing in ["{}", r#"{"n":null}"#, r#"{"N":"a"}"#] {
        assert_eq!(name(missing), Err("argument `n` is required".to_owned()), "{missing}");
    }
    assert_eq!(name(r#"{"n":1}"#), Err("argument `n` must be a string".to_owned()));
}

#[test]
fn a_call_can_be_a_member_of_arguments() {
    let call = json!({ "type": "object", "properties": { "n": { "type": "string" }, "a": {} } });
    let tool = tool(
        schema(&json!({ "call": call, "n": { "type": "string" } })),
        marks("call.n", "call.a"),
    );
    let arguments = r#"{"n":"x","call":{"n":"get","a":{"b":1}}}"#;
    assert_eq!(carried(&tool, arguments), r#"{"b":1}"#);
    let read = json::read(arguments.as_bytes(), 64).expect("JSON");
    let wraps = tool.wraps().expect("an inner call");
    assert_eq!(wraps.name(read.as_object()), Ok("get"));
    let shown = tool.redacted(read.as_object(), Some("{}"), 500).expect("it is short");
    assert_eq!(shown.as_str(), r#"{"n":"x","call":{"n":"get","a":{}}}"#);
}

#[test]
fn records_show_what_is_carried_as_they_are_told() {
    let tool = carrying(&json!({ "type": "string" }));
    let text = r#"{"n":"x","a":" {\"b\": 1.0}"}"#;
    let read = json::read(text.as_bytes(), 64).expect("JSON");
    let shown = |redacted: &str| {
        let redacted = json::Rendered::new(redacted.to_owned());
        let wraps = tool.wraps().expect("an inner call");
        let carried = wraps.carried(read.as_object(), 9, 99).expect("arguments");
        let shown = tool.redacted(read.as_object(), Some(&carried.shown(&redacted)), 500);
        shown.expect("it is short").as_str().to_owned()
    };
    assert_eq!(shown(r#"{"b":1}"#), text);
    assert_eq!(shown(r#"{"b":"[redacted]"}"#), r#"{"n":"x","a":"{\"b\":\"[redacted]\"}"}"#);
    let left_out = tool.redacted(read.as_object(), None, 500).expect("it is short");
    assert_eq!(left_out.as_str(), r#"{"n":"x","a":"[unknown]"}"#);
}
