use serde_json::{Value, json};

use super::super::Marks;
use super::{one, tool};
use crate::json;

/// The number of values that the argument `x` becomes: the smallest limit that accepts it.
fn values(schema: Value, value: &str) -> usize {
    let tool = tool(one(schema), Marks::default());
    let text = format!("{{\"x\":{value}}}");
    let read = json::read(text.as_bytes(), 64).expect("JSON");
    let object = read.as_object();
    assert!(tool.arguments(object, usize::MAX).is_ok(), "{value}");
    let refused = |values: &usize| match tool.arguments(object, *values) {
        Ok(_) => false,
        Err(error) => {
            assert!(error.is_too_many(), "{value}: {error}");
            true
        }
    };
    (0..1000).take_while(refused).count()
}

#[test]
fn every_value_that_an_argument_becomes_counts() {
    let number = json!({ "type": "integer" });
    let either = json!({ "anyOf": [{ "type": "integer" }, { "type": "number" }] });
    let list = |items: &Value| json!({ "type": "array", "items": items });
    let unique = json!({ "type": "array", "uniqueItems": true, "items": { "type": "integer" } });
    let pair = json!({ "type": "array", "prefixItems": [number, number], "items": false });
    let object = json!({ "type": "object", "properties": { "a": number, "b": either } });
    for (schema, value, expected) in [
        (number.clone(), "1", 1),
        (either.clone(), "1", 3),
        (list(&number), "[1,1,1]", 4),
        (list(&either), "[1,1.5,3]", 10),
        (list(&list(&number)), "[[],[],[1]]", 5),
        (unique, "[1,2,3]", 7),
        (list(&json!({ "type": ["integer", "null"] })), "[null,null,1]", 4),
        (pair, "[1,2]", 3),
        (object.clone(), "{}", 1),
        (list(&object), r#"[{},{"a":1},{"b":1}]"#, 8),
    ] {
        assert_eq!(values(schema, value), expected, "{value}");
    }
}

#[test]
fn long_texts_count_for_more_in_every_reading() {
    let long = format!("{:?}", "x".repeat(2560));
    assert_eq!(values(json!({ "type": "string" }), &long), 11);
    let either = json!({ "anyOf": [{ "type": "string" }, { "type": "string", "minLength": 3 }] });
    assert_eq!(values(either, &long), 33);
    let text = json!({ "type": "string" });
    let unique = json!({ "type": "array", "uniqueItems": true, "items": text });
    assert_eq!(values(unique, &format!("[{long}]")), 23);
}

#[test]
fn a_reading_that_comes_to_nothing_counts() {
    let either = json!({ "anyOf": [
        { "type": "array", "items": { "type": "integer" } },
        { "type": "array", "items": { "type": "string" } },
    ] });
    assert_eq!(values(either, r#"["a","b","c"]"#), 7);
}

#[test]
fn what_is_too_much_is_told_without_a_value() {
    let tool =
        tool(one(json!({ "type": "array", "items": { "type": "string" } })), Marks::default());
    let read = json::read(br#"{"x":["secret","secret"]}"#, 64).expect("JSON");
    let error = tool.arguments(read.as_object(), 2).expect_err("there are three values");
    let words = "argument `x[1]` is where the arguments have too many values";
    assert_eq!((error.to_string(), error.for_record()), (words.to_owned(), words.to_owned()));
}
