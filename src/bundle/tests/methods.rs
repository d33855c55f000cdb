//! `methods` and `resources` of a server.

use serde_json::{Value, json};

use crate::bundle;
use crate::fixture;

/// The findings about a manifest with these members of the server `pay`, which has a policy about one
/// method.
fn found(members: &Value, listed: &[&str]) -> Vec<String> {
    let mut document = fixture::document_json();
    document["manifest"]["mcp"] = json!({ "methods": listed });
    let server = document["manifest"]["servers"]["pay"].as_object_mut().unwrap();
    server.extend(members.as_object().unwrap().clone());
    match serde_json::from_value(document) {
        Ok(document) => match bundle::load(&document) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.iter().map(ToString::to_string).collect(),
        },
        Err(error) => vec![error.to_string()],
    }
}

#[track_caller]
fn refused(members: &Value, words: &str) {
    let found = found(members, &["resources/list", "prompts/get"]);
    assert!(found.iter().any(|finding| finding.contains(words)), "{found:#?}");
}

#[test]
fn methods_that_cannot_be_decided() {
    let with = |method: &str, marks: &Value| json!({ "methods": { method: marks } });
    refused(&with("tools/call", &json!({})), "`tools/call` is no method that policies can decide");
    refused(&with("resources/lists", &json!({})), "there are resources/read,");
    refused(&with("prompts/get", &json!({})), "is in `mcp.methods` too");
    refused(&with("resources/read", &json!({ "classes": ["money"] })), "unknown field `classes`");
    refused(
        &with("resources/read", &json!({ "redact": ["url"] })),
        "methods.resources/read: argument `url`",
    );
    refused(
        &with("completion/complete", &json!({ "schemas": { "context": { "type": "text" } } })),
        "methods.completion/complete.schemas.context: argument `context`",
    );
}

#[test]
fn patterns_that_cannot_be_used() {
    let with =
        |resources: &Value| json!({ "methods": { "resources/read": {} }, "resources": resources });
    refused(&with(&json!({ "a": "A://b/*" })), "`A://b/*` is not a pattern of URIs");
    refused(&with(&json!({ "a b": "a://b/*" })), "`a b` is not a name");
    refused(&with(&json!({ "x": "a://b/*c", "y": "a://b/d*" })), "a URI can match `x` and `y`");
    refused(
        &json!({ "resources": { "a": "a://b/*" } }),
        "no method of the server is about a resource",
    );
}

#[test]
fn what_can_be_used_loads() {
    let members = json!({
        "methods": { "resources/read": { "redact": ["uri"] }, "logging/setLevel": {} },
        "resources": { "outer": "a://b/*", "inner": "a://b/c/*", "other": "a://d/" }
    });
    assert_eq!(found(&members, &["resources/list"]), [""; 0]);
}

#[test]
fn the_type_of_patterns_is_the_gates_own() {
    let mut document = fixture::document_json();
    document["manifest"]["mcp"] = json!({});
    document["manifest"]["servers"]["pay"]["methods"] = json!({ "resources/read": {} });
    document["manifest"]["servers"]["pay"]["resources"] = json!({ "a": "a://b/*" });
    document["entities"] = json!([{ "uid": "ResourcePattern::\"pay/a\"" }]);
    let load = |document: &Value| {
        let findings =
            bundle::load(&serde_json::from_value(document.clone()).unwrap()).err().unwrap();
        findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(load(&document).contains("is a pattern, and those come from `resources`"));
    document["entities"] = json!([]);
    document["schema"] =
        json!(format!("{} entity ResourcePattern;", document["schema"].as_str().unwrap()));
    assert!(load(&document).contains("the schema declares `ResourcePattern`"));
}

/// A bundle that the filter opens without the schema decides the same.
#[test]
fn a_built_document_has_the_patterns() {
    let mut document = fixture::document_json();
    document["manifest"]["mcp"] = json!({});
    document["manifest"]["servers"]["pay"]["methods"] = json!({ "resources/read": {} });
    document["manifest"]["servers"]["pay"]["resources"] =
        json!({ "a": "a://b/*", "c": "a://b/c/*" });
    let mut document: bundle::Document = serde_json::from_value(document).unwrap();
    document.resolved = Some(bundle::load(&document).unwrap().resolved);
    let digest = document.digest();
    let opened = bundle::open(document, digest).unwrap();
    let uid = |text: &str| text.parse().unwrap();
    let inner = uid("ResourcePattern::\"pay/c\"");
    for outer in ["ResourcePattern::\"pay/a\"", "Server::\"pay\""] {
        assert!(opened.entities().is_ancestor_of(&uid(outer), &inner), "{outer}");
    }
    assert!(
        opened.method("pay", "resources/read").is_some()
            && opened.method("pay", "tools/call").is_none()
    );
}
