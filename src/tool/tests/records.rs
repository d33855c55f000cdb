//! Arguments in the record, valid or not.

use serde_json::{Value, json};

use super::{marks, tool};
use crate::json;

#[track_caller]
fn check(arguments: &Value, expected: &Value) {
    let schema = json!({ "type": "object", "properties": {
        "id": { "type": "integer" }, "[unknown]": { "type": "string" }, "notes": { "type": "string" }, "extra": {}, "pair": { "prefixItems": [{ "type": "string" }, { "type": "integer" }] },
        "contact": { "anyOf": [{ "type": "null" }, { "type": "string" },
            { "type": "object", "properties": { "email": { "type": "string" }, "city": { "type": "string" } }, "required": ["email"] }] },
        "people": { "type": "array", "items": { "type": "object", "properties": { "name": { "type": "string" }, "age": { "type": "integer" } } } } } });
    let redact =
        ["notes", "contact.email", "people.name", "extra.plan", "extra.list.key", "extra.map.*.id"];
    let tool = tool(schema, marks(&redact, &["extra"]));
    let text = arguments.to_string();
    let value = json::read(text.as_bytes(), 64).expect("JSON");
    // Members keep their order; the count of unknown members follows.
    let expected = expected.to_string();
    let shown = tool.redacted(value.as_object(), None, expected.len()).expect("it is not too long");
    assert_eq!(shown.as_str(), expected);
    assert_eq!(tool.redacted(value.as_object(), None, expected.len().saturating_sub(1)), None);
}

#[test]
fn known_values_are_shown() {
    let valid = json!({ "id": 1, "pair": ["a", 2], "contact": { "city": "Bern" }, "people": [{ "age": 4 }], "extra": { "a": [1.5, null] } });
    check(&valid, &valid);
    check(&json!({}), &json!({}));
}

#[test]
fn redacted_values_are_not() {
    check(
        &json!({ "notes": { "a": 1 }, "contact": { "email": "e" } }),
        &json!({ "notes": "[redacted]", "contact": { "email": "[redacted]" } }),
    );
    check(
        &json!({ "people": [{ "name": "a" }, { "name": "b", "age": 1 }] }),
        &json!({ "people": [{ "name": "[redacted]" }, { "name": "[redacted]", "age": 1 }] }),
    );
    let extra = json!({ "plan": 1, "plans": 2, "list": [{ "key": 1, "plan": 3 }, 4], "key": 5, "map": { "a": { "id": 1, "to": 2 } } });
    let shown = json!({ "plan": "[redacted]", "plans": 2, "list": [{ "key": "[redacted]", "plan": 3 }, 4], "key": 5, "map": { "a": { "id": "[redacted]", "to": 2 } } });
    check(&json!({ "extra": extra }), &json!({ "extra": shown }));
}

#[test]
fn what_nobody_described_shows_no_secret() {
    check(
        &json!({ "extra": { "a": [{ "apiKey": { "b": 1 }, "page_token": "c" }], "PASSWORD": 1 } }),
        &json!({ "extra": { "a": [{ "apiKey": "[redacted]", "page_token": "c" }], "PASSWORD": "[redacted]" } }),
    );
    check(
        &json!({ "toolCallId": { "token": 1, "n": 2 }, "sessionToken": "a" }),
        &json!({ "toolCallId": { "token": "[redacted]", "n": 2 }, "sessionToken": "[redacted]" }),
    );
}

#[test]
fn unknown_values_are_not() {
    check(
        &json!({ "password": "p", "contact": { "phone": 1 } }),
        &json!({ "contact": { "[unknown]": 1 }, "[unknown]": 1 }),
    );
    check(
        &json!({ "[unknown]": "a", "id": 1, "b": 2, "c": 3 }),
        &json!({ "[unknown]": 2, "id": 1 }),
    );
    check(&json!({ "[unknown]": "a" }), &json!({ "[unknown]": "a" }));
    check(
        &json!({ "id": { "a": 1 }, "people": "Ann" }),
        &json!({ "id": "[unknown]", "people": "[unknown]" }),
    );
    check(
        &json!({ "id": ["a"], "pair": ["a", 1, "c"], "people": ["Ann"] }),
        &json!({ "id": "[unknown]", "pair": ["a", 1, "[unknown]"], "people": ["[unknown]"] }),
    );
    check(
        &json!({ "id": "a", "pair": null, "contact": "c" }),
        &json!({ "id": "a", "pair": null, "contact": "c" }),
    );
}
