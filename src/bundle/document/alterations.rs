//! Any change to a document's text is refused, changes the digest, or yields the same document.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Number, Value, json};

use super::Document;
use crate::bundle;
use crate::fixture;
use crate::json::{self, canonical};

/// A built document with a number in every place that allows one.
fn original() -> String {
    let mut document = fixture::document_json();
    document["manifest"]["coverage"] = json!({ "money": 90 });
    document["manifest"]["limits"]["depth"] = json!(32);
    document["manifest"]["servers"]["pay"]["tools"]["refund"]["schemas"] =
        json!({ "note": { "type": "string", "maxLength": 12, "x": [0.5] } });
    document["schema"] = json!(
        "entity Role; entity User in [Role] { tenant: String }; entity Agent;
         entity Server { rank: Long, more: { set: Set<Long>, zero: Long, name: String } };"
    );
    document["entities"] = json!([{ "uid": "Server::\"pay\"", "attrs": {
        "rank": 7, "more": { "zero": 0, "name": "é", "set": [-1, 9_007_199_254_740_992_i64] } } }]);
    document["tools"]["pay"][1]["inputSchema"]["properties"] = json!({
        "amount": { "enum": [1, 5] },
        "ratio": { "type": "number", "minimum": 0, "maximum": 2.5, "multipleOf": 0.25 },
        "large": { "type": "number", "maximum": 1e19, "exclusiveMaximum": 1e21, "default": 1e-7 },
        "note": { "type": "string", "maxLength": 10 },
    });
    let mut document: Document = serde_json::from_value(document).expect("a document");
    document.resolved = Some(bundle::load(&document).expect("a bundle").resolved);
    String::from_utf8(canonical(&document)).expect("text")
}

/// The complete content of a document, with the types of its numbers and the order of its members.
fn all(document: &Document) -> String {
    format!("{document:?}")
}

/// Reads a text as a filter does, with or without the check by `json::unique`; `None` unless the
/// digest is that of `like`.
fn read(text: &str, looked_through: bool, like: &Document) -> Option<Document> {
    if looked_through {
        json::unique(text).ok()?;
    }
    let document: Document = serde_json::from_str(text).ok()?;
    (document.digest() == like.digest()).then_some(document)
}

#[track_caller]
fn check(text: &str, like: &Document) {
    for looked_through in [true, false] {
        if let Some(document) = read(text, looked_through, like) {
            assert_eq!(all(&document), all(like), "{text}");
        }
    }
}

/// The choices of a test case, most of which are 0.
struct Choices<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl Choices<'_> {
    fn next(&mut self, of: u8) -> u8 {
        self.0.next().map_or(0, |byte| byte.saturating_sub(0xE0).checked_rem(of).unwrap_or(0))
    }

    /// The value in another spelling, or another value.
    fn write(&mut self, value: &Value) -> String {
        match value {
            Value::Null | Value::Bool(_) => value.to_string(),
            Value::Number(number) => self.number(number),
            Value::String(string) => self.string(string),
            Value::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(|element| self.write(element)).collect();
                format!("[{}]", elements.join(","))
            }
            Value::Object(members) => self.object(members),
        }
    }

    fn number(&mut self, number: &Number) -> String {
        let text = number.to_string();
        match self.next(10) {
            1 => format!("{text}e0"),
            2 if number.is_f64() => format!("{text}0"),
            2 => format!("{text}.0"),
            3 => format!("{text}00E-2"),
            4 => format!("-{text}"),
            5 => format!("{:e}", number.as_f64().unwrap()),
            6 => number.as_i64().map_or(text, |integer| integer.wrapping_add(1).to_string()),
            7 => format!("{text}.00000000000000000001"),
            8 => "null".to_owned(),
            9 => format!("\"{text}\""),
            _ => text,
        }
    }

    fn string(&mut self, string: &str) -> String {
        match (self.next(4), string.chars().next()) {
            (1, Some(first)) if first.len_utf16() == 1 => {
                let rest = json!(string.strip_prefix(first).unwrap()).to_string();
                format!("\"\\u{:04X}{}", u32::from(first), rest.strip_prefix('"').unwrap())
            }
            (2, _) => json!(format!("{string} ")).to_string(),
            (3, _) => "null".to_owned(),
            _ => json!(string).to_string(),
        }
    }

    fn object(&mut self, object: &Map<String, Value>) -> String {
        let mut members: Vec<String> = Vec::new();
        for (name, value) in object {
            let member = format!("{}: {}", json!(name), self.write(value));
            match self.next(6) {
                1 => {}
                2 => members.insert(0, member),
                3 => members.extend([member.clone(), member]),
                4 => members.push(format!("{}: null", json!(name))),
                5 => members.extend([member, "\"more\": 1.0".to_owned()]),
                _ => members.push(member),
            }
        }
        format!("{{ {} }}", members.join(",\n"))
    }
}

#[test]
fn a_document_of_one_digest_is_one_document() {
    let original = original();
    let like: Document = serde_json::from_str(&original).expect("a document");
    let value: Value = serde_json::from_str(&original).expect("JSON");
    let strategy = (proptest::collection::vec(any::<u8>(), 1..400), 1..8_usize);
    let tried = TestRunner::new(Config::with_cases(512)).run(&strategy, |(choices, quiet)| {
        let kept = (0..).zip(choices).map(|(n, choice)| if n % quiet == 0 { choice } else { 0 });
        let choices: Vec<u8> = kept.collect();
        check(&Choices(choices.iter().cycle()).write(&value), &like);
        Ok(())
    });
    tried.unwrap();
}

#[test]
fn what_has_two_spellings_is_refused_or_the_same() {
    let original = original();
    let like: Document = serde_json::from_str(&original).expect("a document");
    let mut same = 0;
    for (written, other, is_looked_for) in [
        ("\"enum\":[1,5]", "\"enum\":[1.0,5.0]", true),
        ("\"enum\":[1,5]", "\"enum\":[1e0,50E-1]", true),
        ("\"rank\":7", "\"rank\":7.0", true),
        ("\"zero\":0", "\"zero\":-0", true),
        ("9007199254740992", "9007199254740993", true),
        ("10000000000000000000", "1e19", true),
        ("\"multipleOf\":0.25", "\"multipleOf\":0.250", false),
        ("\"maxLength\":12", "\"maxLength\":12.0", true),
        ("\"x\":[0.5]", "\"x\":[5e-1]", false),
        ("1e-7", "0.0000001", false),
        ("\"version\":3", "\"mode\":\"enforce\",\"version\":3", true),
        ("\"mode\":\"enforce\",", "", false),
        ("\"accept\":[],", "", false),
        ("\"exclusiveMaximum\":1e+21,\"maximum\"", "\"maximum\"", false),
    ] {
        assert!(original.contains(written), "{written} in {original}");
        let text = original.replacen(written, other, 1);
        check(&text, &like);
        assert!(!is_looked_for || read(&text, true, &like).is_none(), "{other}");
        same += usize::from(read(&text, false, &like).is_some());
    }
    assert_eq!(same, 11);
}

/// The order of members has no meaning, and no reader may depend on it.
#[test]
fn members_may_stand_in_any_order() {
    let original = original();
    let like: Document = serde_json::from_str(&original).expect("a document");
    let schema = "{\"maximum\":2.5,\"minimum\":0,";
    assert!(original.contains(schema));
    let text = original.replace(schema, "{\"minimum\":0,\"maximum\":2.5,");
    let document = read(&text, true, &like).expect("the same digest");
    assert_eq!(all(&document), all(&like));
}

#[test]
fn a_number_with_one_digest_gives_one_type() {
    let input = |text: &str| {
        let document: Document = serde_json::from_str(text).expect("a document");
        let digest = document.digest();
        let bundle = bundle::open(document, digest).expect("a bundle");
        bundle.tool("pay", "refund").expect("a tool").input_type()
    };
    let original = original();
    let altered = original.replace("\"enum\":[1,5]", "\"enum\":[1.0,5.0]");
    assert_ne!(altered, original);
    assert_eq!(input(&altered), input(&original));
    assert!(input(&original).contains("amount: Long"), "{}", input(&original));
}
