//! Argument values: which are accepted, what policies see, and the messages of refusals.

use serde_json::json;

use super::super::Marks;
use super::{build, check, check_in, check_inexact, check_refused, marks, one, tool};

#[test]
fn numbers_are_exact_or_refused() {
    let long =
        || json!({ "type": "integer", "minimum": 1, "exclusiveMaximum": 100, "multipleOf": 5 });
    check(long(), "95", "context.input.x == 95");
    check_refused(long(), "0", "argument `x` must be at least 1");
    check_refused(long(), "100", "argument `x` must be less than 100");
    check_refused(long(), "7", "argument `x` must be a multiple of 5");
    for value in ["5.0", "5e0", "0.5e1", "50E-1"] {
        check(long(), value, "context.input.x == 5");
    }
    for value in ["5.5", "5e-1", "\"5\"", "true"] {
        let words = "argument `x` must be an integer";
        check_refused(long(), value, words);
    }
    check(
        json!({ "type": "integer" }),
        "-9007199254740991",
        "context.input.x == -9007199254740991",
    );
    check(json!({ "type": "integer", "enum": [1, 2.0] }), "2", "context.input.x == 2");
    check_refused(json!({ "const": 1 }), "2", "argument `x` must be one of its declared values");

    let decimal = || json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 500.5 });
    check(decimal(), "500.5", "context.input.x == decimal(\"500.5\")");
    check(decimal(), "12", "context.input.x.lessThan(decimal(\"12.0001\"))");
    check(decimal(), "0.0001", "context.input.x == decimal(\"0.0001\")");
    check_refused(decimal(), "0", "argument `x` must be greater than 0");
    check_refused(decimal(), "500.5001", "argument `x` must be at most 500.5");
    check(decimal(), "1e2", "context.input.x == decimal(\"100.0\")");
    check(decimal(), "12.5E-1", "context.input.x == decimal(\"1.25\")");
    for inexact in ["0.00001", "1.2e-5", "499.99999", "500.49999"] {
        check_inexact(decimal(), inexact, "a number with at most 4 fractional digits");
    }
    check_refused(decimal(), "500.50001", "argument `x` must be at most 500.5");
    check_refused(decimal(), "-0.00001", "argument `x` must be greater than 0");
    check_refused(decimal(), "1e300", "argument `x` must be at most 500.5");
    check_refused(
        decimal(),
        "{\"__extn\": {\"fn\": \"decimal\", \"arg\": \"1.0\"}}",
        "argument `x` must be a number",
    );
    let any = || json!({ "type": "number" });
    check(any(), "-99999999999.9999", "context.input.x == decimal(\"-99999999999.9999\")");
    check(any(), "9.0e14", "context.input.x == decimal(\"900000000000000.0\")");
    check_inexact(any(), "100000000000.0001", "a number with at most 15 significant digits");
    for large in ["1e15", "-3e300", "9.3e14"] {
        let range = "between -922337203685477.5808 and 922337203685477.5807";
        check_inexact(any(), large, range);
    }
    let whole = || json!({ "type": "integer" });
    for large in
        ["1e16", "9007199254740992", "-9223372036854775808", "18446744073709551615", "1e300"]
    {
        check_inexact(whole(), large, "an integer of at most 2^53 - 1");
    }
    check(whole(), "-0", "context.input.x == 0");
    check(whole(), "0e99999999999", "context.input.x == 0");
    check_refused(
        json!({ "type": "integer", "maximum": 9 }),
        "9007199254740993",
        "argument `x` must be at most 9",
    );
    check_refused(
        json!({ "type": "number", "enum": [1e40] }),
        "1e41",
        "argument `x` must be one of its declared values",
    );
    check_refused(whole(), "0.1e-300", "argument `x` must be an integer");
    let step =
        || json!({ "type": "number", "multipleOf": 0.05, "maximum": 1e300, "minimum": -0.00015 });
    check(step(), "0.15", "context.input.x == decimal(\"0.15\")");
    check_refused(step(), "0.151", "argument `x` must be a multiple of 0.05");
    check_refused(step(), "-0.0002", "argument `x` must be at least -0.00015");
}

#[test]
fn strings_have_a_length_in_characters_and_a_pattern() {
    let short = || json!({ "type": "string", "minLength": 2, "maxLength": 3 });
    check(short(), "\"🦀é🦀\"", "context.input.x == \"🦀é🦀\"");
    check_refused(short(), "\"🦀\"", "argument `x` must be a string of 2 or more characters");
    check_refused(short(), "\"abcd\"", "argument `x` must be a string of up to 3 characters");
    check_refused(short(), "null", "argument `x` must be a string");
    check_refused(
        short(),
        "{\"__entity\": {\"type\": \"User\", \"id\": \"root\"}}",
        "argument `x` must be a string",
    );
    let pattern = || json!({ "type": "string", "pattern": "c-[0-9]+$" });
    check(pattern(), "\"ac-12\"", "context.input.x like \"*c-12\"");
    check_refused(
        pattern(),
        "\"c-12\\n\"",
        "argument `x` must be a string that matches its pattern",
    );
    let only = || json!({ "type": "string", "const": "only" });
    check(only(), "\"only\"", "context.input.x == \"only\"");
    check_refused(only(), "\"other\"", "argument `x` must be one of its declared values");
}

#[test]
fn enumerations_are_entities() {
    let narrowed = || json!({ "type": "string", "enum": ["a1", "b"], "pattern": "^[a-z]$" });
    check(narrowed(), "\"b\"", "context.input.x == crm::do_it::Input::x::\"b\"");
    check_refused(narrowed(), "\"a1\"", "argument `x` must be one of `b`");
    let stage = || json!({ "type": "string", "enum": ["lead", "won", "a \"b\"\n"] });
    check(stage(), "\"won\"", "context.input.x == crm::do_it::Input::x::\"won\"");
    check(
        stage(),
        "\"a \\\"b\\\"\\n\"",
        "context.input.x == crm::do_it::Input::x::\"a \\\"b\\\"\\n\"",
    );
    check_refused(stage(), "\"lost\"", "argument `x` must be one of `a \"b\"\\n`, `lead`, `won`");
    check_refused(stage(), "1", "argument `x` must be a string");
    check(
        json!({ "type": ["string", "null"], "enum": ["a", null] }),
        "null",
        "!(context.input has x)",
    );
    let mixed = || json!({ "enum": ["a", 1, true, null] });
    check(
        mixed(),
        "\"a\"",
        "context.input.x.typeChoice0 == crm::do_it::Input::x::TypeChoice0::\"a\"",
    );
    check(mixed(), "1", "context.input.x.typeChoice1 == 1 && !(context.input.x has typeChoice0)");
    check(mixed(), "true", "context.input.x.typeChoice2");
    check(mixed(), "null", "!(context.input has x)");
    check_refused(mixed(), "false", "argument `x` must be true");
    check_refused(json!({ "type": "boolean" }), "0", "argument `x` must be true or false");
}

#[test]
fn lists_are_sets_or_tuples() {
    let list = || json!({ "type": "array", "items": { "type": "integer" }, "minItems": 1, "maxItems": 2, "uniqueItems": true });
    check(list(), "[1, 2]", "context.input.x.containsAll([2, 1])");
    check_refused(list(), "[]", "argument `x` must be a list of 1 or more");
    check_refused(list(), "[1, 2, 3]", "argument `x` must be a list of up to 2");
    check_refused(list(), "[1, 1]", "argument `x` must be a list without repetition");
    check_refused(list(), "[1, \"2\"]", "argument `x[1]` must be an integer");
    check_refused(list(), "1", "argument `x` must be a list");
    let nullable = json!({ "type": "array", "items": { "type": ["string", "null"] } });
    check(nullable, "[null, \"a\"]", "context.input.x == [\"a\"]");
    let pair =
        || json!({ "type": "array", "prefixItems": [{ "type": "integer" }, { "enum": ["a"] }] });
    check(
        pair(),
        "[1, \"a\"]",
        "context.input.x.proj0 == 1 && context.input.x.proj1 == crm::do_it::Input::x::Proj1::\"a\"",
    );
    check_refused(pair(), "[1]", "argument `x` must be a list of exactly 2");
    check_refused(pair(), "[1, \"b\"]", "argument `x[1]` must be one of `a`");
    let nested = || json!({ "type": "array", "items": { "type": "object", "properties": { "a b": { "type": "boolean" } }, "required": ["a b"] } });
    check(nested(), "[{\"a b\": true}]", "context.input.x.contains({\"a b\": true})");
    check_refused(nested(), "[{\"a b\": true}, {}]", "argument `x[1].a b` is required");
}

#[test]
fn a_value_shows_every_type_it_fits() {
    let union = || json!({ "anyOf": [{ "type": "integer" }, { "type": "number" }, { "type": "string", "format": "date" }] });
    check(
        union(),
        "5",
        "context.input.x.typeChoice0 == 5 && context.input.x.typeChoice1 == decimal(\"5.0\")",
    );
    check(union(), "5.5", "!(context.input.x has typeChoice0) && context.input.x has typeChoice1");
    check(union(), "\"2026-11-21\"", "context.input.x.typeChoice2 < datetime(\"2026-11-22\")");
    check_refused(union(), "\"soon\"", "argument `x` must be a date such as 2026-11-21");
    check_refused(union(), "[]", "argument `x` must be of one of its declared types");
    check_refused(union(), "null", "argument `x` must be of one of its declared types");
    let nullable =
        || json!({ "anyOf": [{ "type": "null" }, { "type": "string" }, { "type": "integer" }] });
    check(nullable(), "3", "context.input.x.typeChoice2 == 3");
    check(nullable(), "null", "!(context.input has x)");
    let tagged = || {
        json!({ "oneOf": [
        { "type": "object", "properties": { "t": { "const": "a" }, "n": { "type": "integer" } }, "required": ["t"] },
        { "type": "object", "properties": { "t": { "const": "b" }, "s": { "enum": ["y"] } }, "required": ["t"] }] })
    };
    check(
        tagged(),
        "{\"t\": \"b\", \"s\": \"y\"}",
        "context.input.x.typeChoice1.s == crm::do_it::Input::x::TypeChoice1::s::\"y\"",
    );
    check_refused(
        tagged(),
        "{\"t\": \"a\", \"s\": \"y\"}",
        "argument `x` must be of one of its declared types",
    );
}

#[test]
fn members_are_known_present_and_not_null() {
    let schema = || {
        json!({
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "contact": { "type": "object", "properties": { "email": { "type": "string" }, "extra": {} }, "required": ["email"] },
            },
            "required": ["id", "note"],
        })
    };
    let tool = tool(schema(), marks(&[], &["contact.extra"]));
    let refused = |arguments: &str| build(&tool, arguments).err().unwrap_or_default();
    check_in(
        &tool,
        "{\"id\": \"1\", \"note\": null}",
        "!(context.input has note) && context.input.id == \"1\"",
    );
    check_in(
        &tool,
        "{\"id\": \"1\", \"note\": \"n\", \"contact\": {\"email\": \"e\", \"extra\": [[1e5]]}}",
        "context.input.contact == {email: \"e\"}",
    );
    assert_eq!(refused("{\"id\": \"1\"}"), "argument `note` is required");
    assert_eq!(refused("{\"id\": null, \"note\": null}"), "argument `id` must be a string");
    assert_eq!(
        refused("{\"id\": \"1\", \"note\": null, \"contact\": {}}"),
        "argument `contact.email` is required"
    );
    assert_eq!(
        refused("{\"id\": \"1\", \"note\": null, \"ID\": 1}"),
        "argument `ID` is not known to the tool"
    );
    let long = format!("{{\"\\n{}\": 1}}", "a".repeat(300));
    assert_eq!(
        refused(&long),
        format!("argument `\\n{}` is not known to the tool", "a".repeat(63))
    );
    assert_eq!(tool.arguments(None, usize::MAX).expect_err("arguments are missing").path(), "id");
}

#[test]
fn a_tool_without_arguments_takes_none() {
    for schema in [
        json!({ "type": "object" }),
        json!({ "type": "object", "properties": {}, "additionalProperties": false }),
    ] {
        let tool = tool(schema, Marks::default());
        assert!(tool.arguments(None, usize::MAX).is_ok());
        check_in(&tool, "{}", "context.input == {}");
        assert_eq!(
            build(&tool, "{\"a\": 1}").err().as_deref(),
            Some("argument `a` is not known to the tool")
        );
    }
    assert_eq!(
        tool(one(json!({ "type": "string" })), Marks::default()).input_type(),
        "{ x?: String }"
    );
}
