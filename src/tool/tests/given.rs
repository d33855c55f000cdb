//! Schemas of the bundle: in place of the server's, and chosen by the value of another argument.

use serde_json::{Value, json};

use super::super::{Marks, Tool};
use super::{build, check_in, given, marks, problems, tool};

/// A tool that calls another one by name.
fn caller() -> Value {
    json!({ "type": "object", "required": ["tool_name", "parameters"], "properties": {
        "tool_name": { "type": "string" }, "parameters": { "type": "object" },
        "step": { "type": "object" }, "mode": { "enum": ["fast", "slow", "stop"] },
        "items": { "type": "array", "items": { "type": "object", "properties": { "data": {} } } } } })
}

fn object(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().expect("members").keys().collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// `parameters` by `tool_name`, `step` by its own `kind`, and `items.data` by `mode`.
fn choices() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "parameters": { "by": "tool_name", "of": {
            "refund": object(&json!({ "amount": { "type": "integer", "maximum": 500 }, "currency": { "enum": ["EUR", "USD"] } })),
            "close ticket": object(&json!({ "id": text(), "currency": { "enum": ["CHF"] } })) } },
        "step": { "by": "step.kind", "of": {
            "wait": object(&json!({ "kind": { "const": "wait" }, "rate": { "type": "number" } })),
            "send": object(&json!({ "kind": text(), "to": text() })) } },
        "items.data": { "by": "mode", "of": {
            "fast": { "type": "integer" }, "slow": { "type": "array", "items": text() } } },
    })
}

fn chosen() -> Tool {
    let marks = Marks { opaque: Vec::new(), ..given(&choices()) };
    tool(caller(), marks)
}

const REFUND: &str = r#""tool_name":"refund","parameters":{"amount":5,"currency":"EUR"}"#;

#[test]
fn a_schema_of_the_bundle_takes_the_place_of_the_servers() {
    let schema = json!({ "type": "object", "required": ["x"], "$defs": { "Unit": { "enum": ["server"] } }, "properties": {
        "x": { "type": "object" }, "y": { "$ref": "#/$defs/Unit" }, "list": { "type": "array", "items": { "type": "object", "properties": { "x": {} } } } } });
    let given = given(&json!({
        "x": { "type": "object", "required": ["unit"], "$defs": { "Unit": { "enum": ["own"] } },
            "properties": { "unit": { "$ref": "#/$defs/Unit" }, "secret": { "type": "string", "maxLength": 2 }, "free": {} } },
        "list.x": { "type": "integer" } }));
    let Marks { redact, opaque, .. } = marks(&["x.secret"], &["x.free"]);
    let tool = tool(schema, Marks { redact, opaque, ..given });
    assert_eq!(
        tool.input_type(),
        "{ list?: Set<{ x?: Long }>, x: { secret?: String, unit: crm::do_it::Input::x::Unit }, y?: crm::do_it::Input::Unit }"
    );
    check_in(
        &tool,
        r#"{"x":{"unit":"own","free":[1]},"y":"server","list":[{"x":2}]}"#,
        "context.input.x.unit == crm::do_it::Input::x::Unit::\"own\" && !context.input.list.isEmpty()",
    );
    for (arguments, message) in [
        (r#"{"x":{"unit":"server"}}"#, "argument `x.unit` must be one of `own`"),
        (
            r#"{"x":{"unit":"own","secret":"abc"}}"#,
            "argument `x.secret` must be a string of up to 2 characters",
        ),
        (r#"{"x":{"unit":"own","other":1}}"#, "argument `x.other` is not known to the tool"),
        (r#"{"x":{}}"#, "argument `x.unit` is required"),
        ("{}", "argument `x` is required"),
    ] {
        assert_eq!(build(&tool, arguments).err().as_deref(), Some(message), "{arguments}");
    }
    let value = crate::json::read(br#"{"x":{"secret":"ab","free":2}}"#, 8).expect("JSON");
    let shown = tool.redacted(value.as_object(), None, 100).expect("it is short");
    assert_eq!(shown.as_str(), r#"{"x":{"secret":"[redacted]","free":2}}"#);
}

#[test]
fn one_type_is_there_and_it_is_the_chosen_one() {
    let tool = chosen();
    let with = |more: &str| format!("{{{REFUND}{more}}}");
    for (more, condition) in [
        (
            "",
            "context.input.parameters has refund && !(context.input.parameters has \"close ticket\")",
        ),
        (
            "",
            "context.input.parameters.refund.amount == 5 && context.input.tool_name == \"refund\"",
        ),
        (
            "",
            "context.input.parameters.refund.currency == crm::do_it::Input::parameters::refund::currency::\"EUR\"",
        ),
        (
            r#","step":{"kind":"wait","rate":0.5}"#,
            "context.input.step.wait.rate == decimal(\"0.5\") && !(context.input.step has send)",
        ),
        (
            r#","step":{"to":"a","kind":"send"}"#,
            "context.input.step.send == {kind: \"send\", to: \"a\"}",
        ),
        (r#","mode":"fast","items":[{"data":1}]"#, "!context.input.items.isEmpty()"),
        (r#","mode":"slow","items":[{"data":["a"]},{}]"#, "!context.input.items.isEmpty()"),
    ] {
        check_in(&tool, &with(more), condition);
    }
    // An escape is another spelling of the same value.
    check_in(
        &tool,
        r#"{"parameters":{"id":"a","currency":"CHF"},"tool_n\u0061me":"close\u0020ticket"}"#,
        "context.input.parameters[\"close ticket\"].id == \"a\"",
    );
}

#[test]
fn every_other_choice_is_refused() {
    let tool = chosen();
    let refused = |arguments: &str| build(&tool, arguments).err().unwrap_or_default();
    let names = "argument `tool_name` must be one of `close ticket`, `refund`";
    for (arguments, message) in [
        (r#"{"tool_name":"wipe","parameters":{}}"#, names),
        (r#"{"tool_name":"Refund","parameters":{"amount":5,"currency":"EUR"}}"#, names),
        (r#"{"tool_name":"refund ","parameters":{"amount":5,"currency":"EUR"}}"#, names),
        (r#"{"tool_name":"","parameters":{}}"#, names),
        (r#"{"tool_name":null,"parameters":{}}"#, "argument `tool_name` must be a string"),
        (r#"{"tool_name":["refund"],"parameters":{}}"#, "argument `tool_name` must be a string"),
        (r#"{"tool_name":1.00001,"parameters":{}}"#, "argument `tool_name` must be a string"),
        (
            r#"{"parameters":{"tool_name":"refund","amount":5,"currency":"EUR"}}"#,
            "argument `tool_name` is required",
        ),
        (r#"{"tool_name":"refund"}"#, "argument `parameters` is required"),
        (r#"{"tool_name":"refund","parameters":null}"#, "argument `parameters` must be an object"),
        (r#"{"tool_name":"refund","parameters":"{}"}"#, "argument `parameters` must be an object"),
        (
            r#"{"tool_name":"refund","parameters":{"id":"a","currency":"CHF"}}"#,
            "argument `parameters.id` is not known to the tool",
        ),
        (
            r#"{"tool_name":"refund","parameters":{"amount":501,"currency":"EUR"}}"#,
            "argument `parameters.amount` must be at most 500",
        ),
    ] {
        assert_eq!(refused(arguments), message, "{arguments}");
    }
    let with = |more: &str| refused(&format!("{{{REFUND},{more}}}"));
    assert_eq!(
        with(r#""step":{"kind":"stop"}"#),
        "argument `step.kind` must be one of `send`, `wait`"
    );
    assert_eq!(with(r#""step":{"to":"a"}"#), "argument `step.kind` is required");
    assert_eq!(with(r#""step":[{"kind":"send"}]"#), "argument `step.kind` is required");
    assert_eq!(with(r#""mode":"stop""#), "argument `mode` must be one of `fast`, `slow`");
    assert_eq!(with(r#""items":[{"data":1}]"#), "argument `mode` is required");
    assert_eq!(
        with(r#""mode":"fast","items":[{"data":"a"}]"#),
        "argument `items[0].data` must be an integer"
    );
    // A key that is repeated has no value that two parsers agree on.
    assert!(
        refused(r#"{"tool_name":"wipe","tool_name":"refund","parameters":{}}"#)
            .contains("duplicate")
    );
}

#[test]
fn an_inexact_value_hides_the_whole_argument() {
    let tool = chosen();
    let text = format!("{{{REFUND},\"step\":{{\"kind\":\"wait\",\"rate\":0.00001}}}}");
    let value = crate::json::read(text.as_bytes(), 8).expect("JSON");
    let input = tool.arguments(value.as_object(), usize::MAX).expect("what fits");
    let [inexact] = input.inexact.as_slice() else { panic!("{:?}", input.inexact) };
    assert_eq!((inexact.path.as_slice(), inexact.error.path()), (&["step"][..], "step.rate"));
}

#[test]
fn problems_are_those_of_the_bundle() {
    let one = |path: &str, entry: Value| problems(caller(), given(&json!({ path: entry })));
    let typed = || json!({ "type": "string" });
    let by = |by: &str, of: Value| json!({ "by": by, "of": of });
    let halves = "argument `parameters`: `by` and `of` need each other and nothing beside them: the path of an argument, and a schema for each of its values";
    let none = |by: &str| {
        format!(
            "argument `parameters`: `{by}`, which chooses its schema, is no string argument outside of lists and unions"
        )
    };
    for (entry, message) in [
        (json!({ "type": "strnig" }), "argument `parameters`: in the bundle's schema of it: `strnig` is no type of JSON Schema".to_owned()),
        (json!({}), "argument `parameters`: in the bundle's schema of it: it declares no type, so policies could not read it: describe it under `schemas` of the tool in bundle.yaml, or list it there as `opaque`".to_owned()),
        (json!({ "$ref": "#/properties/tool_name" }), "argument `parameters`: in the bundle's schema of it: `#/properties/tool_name` refers to nothing in this schema".to_owned()),
        (json!({ "by": "tool_name" }), halves.to_owned()),
        (json!({ "of": {} }), halves.to_owned()),
        (by("tool_name", json!({})), halves.to_owned()),
        (json!({ "by": "tool_name", "of": { "a": typed() }, "type": "object" }), halves.to_owned()),
        (by("tool_name", json!({ "a": { "type": "strnig" } })), "argument `parameters`: in the bundle's schema of it: `strnig` is no type of JSON Schema".to_owned()),
        (by("tool_name", json!({ "a": { "type": ["string", "null"] } })), "argument `parameters`: a schema that is chosen cannot admit null".to_owned()),
        (by("mode", json!({ "fats": typed() })), "argument `parameters`: `fats` is no value of `mode`, which chooses its schema".to_owned()),
        (by("parameters.kind", json!({ "a": object(&json!({ "kind": { "const": "b" } })) })), "argument `parameters`: `a` is no value of `parameters.kind`, which chooses its schema".to_owned()),
        (by("parameters.kind", json!({ "a": object(&json!({ "sort": typed() })) })), none("parameters.kind")),
        (by("tool", json!({ "a": typed() })), none("tool")),
        (by("items", json!({ "a": typed() })), none("items")),
        (by("items.data", json!({ "a": typed() })), none("items.data")),
        (by("parameters", json!({ "a": typed() })), none("parameters")),
        (by("toolCallId", json!({ "a": typed() })), none("toolCallId")),
    ] {
        let opaque = ["step", "items.data"].map(str::to_owned).to_vec();
        let marks = Marks { opaque, ..given(&json!({ "parameters": entry })) };
        assert_eq!(problems(caller(), marks), message);
    }
    assert!(one("parametres", typed()).contains("argument `parametres`: bundle.yaml lists it under `schemas`, but the tool has no such argument"));
    let twice =
        Marks { opaque: vec!["parameters".to_owned()], ..given(&json!({ "parameters": typed() })) };
    assert!(problems(caller(), twice).contains(
        "argument `parameters`: bundle.yaml lists it under both `schemas` and `opaque`: remove it from `opaque` if policies are to read it"
    ));
    let unreached =
        Marks { opaque: vec!["step".to_owned()], ..given(&json!({ "step.kind": typed() })) };
    assert!(
        problems(caller(), unreached)
            .contains("argument `step.kind`: bundle.yaml lists it under `schemas`, but")
    );
    let mut other = choices();
    other["step"] = by("tool_name", json!({ "refund": { "type": "integer" } }));
    assert_eq!(
        problems(caller(), given(&other)),
        "argument `step`: `tool_name`, which chooses its schema, has other values in another choice"
    );
}

#[test]
fn the_key_of_a_problem_is_where_the_bundle_says_it() {
    let entry = json!({ "parameters": { "by": "tool_name", "of": { "a": { "type": "object", "properties": { "b": { "type": "x" } } } } } });
    let errors = super::try_tool(caller(), given(&entry)).expect_err("no type");
    let of_bundle = errors.iter().find(|error| error.key().is_some()).expect("the bundle's");
    assert_eq!(of_bundle.key(), Some("schemas.parameters.of.a"));
    assert_eq!(of_bundle.argument(), "parameters.b");
    let noted = json!({ "x": { "type": "string", "not": {} } });
    let tool = tool(super::one(json!({})), given(&noted));
    assert_eq!(tool.notes()[0].key.as_deref(), Some("schemas.x"));
}

#[test]
fn whether_null_counts_as_absent_is_the_servers_word() {
    for (server, is_accepted) in [
        (json!({ "type": "object" }), false),
        (json!({ "type": ["object", "null"] }), true),
        (json!({ "anyOf": [{ "type": "object" }, { "type": "null" }], "default": null }), true),
    ] {
        let schema = json!({ "type": "object", "properties": { "x": server } });
        let tool =
            tool(schema, given(&json!({ "x": object(&json!({ "n": { "type": "integer" } })) })));
        let arguments = crate::json::read(br#"{"x":null}"#, 8).unwrap();
        let accepted = tool.arguments(arguments.as_object(), usize::MAX).is_ok();
        assert_eq!(accepted, is_accepted, "{server}");
    }
}
