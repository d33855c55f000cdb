//! The argument that names the resource: which arguments are allowed, and that no other is used.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Marks, ResourceMark, Tool};
use super::model::{Choices, arguments};
use super::{lines, tool, try_tool};
use crate::json;

fn mark(argument: &str) -> Marks {
    let mark = json!({ "type": "Crm::Customer", "argument": argument });
    let resource: ResourceMark = serde_json::from_value(mark).expect("a mark");
    Marks { resource: Some(resource), ..Marks::default() }
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The resource of a call, in Cedar syntax.
fn named(tool: &Tool, arguments: &str) -> Option<String> {
    let value = json::read(arguments.as_bytes(), 64).expect("JSON");
    tool.resource(value.as_object()).map(|entity| entity.to_string())
}

#[track_caller]
fn check(property: &Value, value: &str, expected: Option<&str>) {
    let tool = tool(object(&json!({ "x": property }), &["x"]), mark("x"));
    let expected = expected.map(|id| format!("Crm::Customer::\"{id}\""));
    assert_eq!(named(&tool, &format!("{{\"x\": {value}}}")), expected, "{value}");
}

#[track_caller]
fn check_problem(schema: Value, argument: &str, expected: &str) {
    let errors = try_tool(schema, mark(argument)).err().unwrap_or_default();
    assert_eq!(lines(&errors), format!("tool `crm/do-it`: argument `{argument}`: {expected}"));
}

#[test]
fn an_id_is_what_is_written() {
    for format in ["uuid", "email", "uri", "hostname"] {
        check(&json!({ "type": "string", "format": format }), r#""A b""#, Some("A b"));
    }
    let text = || json!({ "type": "string", "maxLength": 10 });
    check(&text(), r#""cus_42""#, Some("cus_42"));
    check(&text(), r#""CUS_42""#, Some("CUS_42"));
    check(&text(), r#""\u0063us_42""#, Some("cus_42"));
    check(&text(), r#"" cus_42""#, Some(" cus_42"));
    // A fullwidth letter, and an accent as one code point and as two.
    check(&text(), "\"ｃus\"", Some("ｃus"));
    check(&text(), "\"é\"", Some("é"));
    check(&text(), "\"e\u{301}\"", Some("e\u{301}"));
    check(&text(), r#""\") || true""#, Some("\\\") || true"));
    check(&text(), r#""""#, Some(""));
    check(&text(), r#""cus_4200000""#, None);
    check(&text(), "42", None);
    check(&text(), "null", None);
    check(&text(), r#"{"__entity":{"type":"Crm::Customer","id":"cus_1"}}"#, None);
    check(&text(), r#"["cus_1"]"#, None);
    check(&json!({ "const": "cus_1" }), r#""cus_1""#, Some("cus_1"));
    check(&json!({ "enum": ["cus_1", "cus_2"] }), r#""cus_2""#, Some("cus_2"));
    check(&json!({ "enum": ["cus_1", "cus_2"] }), r#""cus_3""#, None);
}

#[test]
fn a_number_names_one_entity_in_every_spelling() {
    let whole = || json!({ "type": "integer" });
    check(&whole(), "42", Some("42"));
    check(&whole(), "-42", Some("-42"));
    check(&whole(), "0", Some("0"));
    for same in ["42.0", "4.2e1", "42e0", "420E-1"] {
        check(&whole(), same, Some("42"));
    }
    for other in ["42.5", "1e300", "\"42\"", "true"] {
        check(&whole(), other, None);
    }
    check(&json!({ "type": "integer", "maximum": 41 }), "42", None);
}

#[test]
fn an_argument_inside_of_another() {
    let inner = object(&json!({ "customer": { "type": "string" } }), &["customer"]);
    let schema = object(&json!({ "order": inner, "customer": { "type": "string" } }), &["order"]);
    let tool = tool(schema, mark("order.customer"));
    let id = |arguments: &str| named(&tool, arguments);
    let inside = Some("Crm::Customer::\"in\"".to_owned());
    assert_eq!(id(r#"{"order":{"customer":"in"},"customer":"out"}"#), inside);
    assert_eq!(id(r#"{"customer":"out","order":{"customer":"in"}}"#), inside);
    assert_eq!(id(r#"{"order":{"Customer":"in"},"customer":"out"}"#), None);
    assert_eq!(id(r#"{"order.customer":"in","customer":"out"}"#), None);
    assert_eq!(id(r#"{"order":[{"customer":"in"}]}"#), None);
    assert_eq!(tool.resource(None), None);
}

#[test]
fn arguments_that_name_nothing() {
    let text = || json!({ "type": "string" });
    let optional = "the inventory finds the resource in it, but a call can be without it: it is optional, or null";
    let ill_typed = "the inventory finds the resource in it, but only a plain string, one of several strings or a whole number names an entity";
    let absent = "bundle.yaml lists it under `resource`, but the tool has no such argument";
    check_problem(object(&json!({ "x": text() }), &[]), "x", optional);
    let nullable = json!({ "type": ["string", "null"] });
    check_problem(object(&json!({ "x": nullable }), &["x"]), "x", optional);
    let inner = || object(&json!({ "y": text() }), &["y"]);
    check_problem(object(&json!({ "x": inner() }), &[]), "x.y", optional);
    let union = json!({ "anyOf": [inner(), { "type": "null" }] });
    check_problem(object(&json!({ "x": union }), &["x"]), "x.y", optional);
    for other in [
        json!({ "type": "number" }),
        json!({ "type": "boolean" }),
        json!({ "type": ["string", "integer"] }),
        json!({ "anyOf": [{ "type": "string" }, { "type": "string", "format": "uuid" }] }),
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "type": "string", "format": "date-time" }),
        json!({ "type": "string", "format": "ipv6" }),
        json!({ "enum": [1, "a"] }),
        inner(),
    ] {
        check_problem(object(&json!({ "x": other }), &["x"]), "x", ill_typed);
    }
    check_problem(object(&json!({ "x": text() }), &["x"]), "X", absent);
    check_problem(object(&json!({ "x": inner() }), &["x"]), "x.z", absent);
    let union = json!({ "anyOf": [inner(), text()] });
    check_problem(object(&json!({ "x": union }), &["x"]), "x.y", absent);
    let ambiguous = object(&json!({ "x": inner(), "x.y": text() }), &["x", "x.y"]);
    let words =
        "the inventory finds the resource in it, but there are several arguments of this path";
    check_problem(ambiguous, "x.y", words);
}

#[test]
fn the_record_redacts() {
    let schema = object(&json!({ "x": { "type": "string" } }), &["x"]);
    let redacted = Marks { redact: vec!["x".to_owned()], ..mark("x") };
    let tool = tool(schema, redacted);
    let value = json::read(br#"{"x":"cus_42"}"#, 8).expect("JSON");
    let recorded = tool.recorded_resource(value.as_object());
    assert_eq!(recorded.as_deref(), Some("Crm::Customer::\"[redacted]\""));
    assert_eq!(tool.recorded_resource(None), None);
}

proptest! {
    /// Holds for any other arguments and any resource name.
    #[test]
    fn the_resource_is_what_the_argument_says(
        model in arguments(),
        choices in prop::collection::vec(any::<u8>(), 0..64),
        id in ".{0,12}",
        decoys in prop::collection::vec(("(?i:customer_id|id|resource|__entity)", ".{0,6}"), 0..4),
    ) {
        prop_assume!(!id.contains('\0'));
        let mut schema = model.schema();
        let mut value = model.value(&mut Choices(choices.into_iter()));
        for (name, decoy) in decoys.iter().filter(|(_, decoy)| !decoy.contains('\0')) {
            schema["properties"][name] = json!({ "type": "string" });
            value[name] = json!(decoy);
        }
        schema["properties"]["customer_id"] = json!({ "type": "string" });
        value["customer_id"] = json!(id);
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        required.push(json!("customer_id"));
        schema["required"] = json!(required);
        let tool = tool(schema, mark("customer_id"));
        let text = value.to_string();
        let read = json::read(text.as_bytes(), 64).expect("JSON");
        prop_assert!(tool.arguments(read.as_object(), usize::MAX).is_ok());
        let entity = tool.resource(read.as_object()).expect("a resource");
        prop_assert_eq!(entity.id().unescaped(), id.as_str());
        prop_assert_eq!(entity.type_name().to_string(), "Crm::Customer");
    }
}
