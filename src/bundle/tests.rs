mod inner;
mod methods;
mod names;

use serde_json::{Value, json};

use super::*;
use crate::fixture;

/// The findings after a change to the fixture.
fn findings(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut document = fixture::document_json();
    change(&mut document);
    let document: Document = match serde_json::from_value(document) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let findings = match load(&document) {
        Ok(loaded) => loaded.warnings,
        Err(findings) => findings,
    };
    findings.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &[&str]) {
    let found = findings(change);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\ndoes not contain\n{expected}");
    }
}

#[test]
fn the_fixture_has_no_findings() {
    check(|_| {}, &[]);
}

#[test]
fn all_findings_at_once() {
    check(
        |document| {
            document["manifest"]["version"] = json!(0);
            document["manifest"]["channels"][0]["server"] = json!("nobody");
            document["layers"]["org"][0]["source"] = json!("@id(\"reads\") permit (");
            document["entities"][0]["uid"] = json!("Server:pay");
        },
        &[
            "bundle.yaml: version: the version begins at 1",
            "bundle.yaml: channels.0.server: server `nobody` is not in `servers`",
            "org: policy `reads`: unexpected end of input",
            "entities.yaml: entity 0: `Server:pay` is not an entity",
        ],
    );
}

#[test]
fn manifest_rules() {
    let manifest = |key: &'static str, value: Value| {
        move |document: &mut Value| document["manifest"][key] = value
    };
    check(manifest("channels", json!([])), &["without a channel every request is refused"]);
    check(
        manifest("channels", json!([{ "path": "pay?x", "server": "pay" }])),
        &["`pay?x` is not a path"],
    );
    check(manifest("mcp", json!({ "methods": ["tools/call"] })), &["cannot be listed"]);
    for name in ["a.b", "", "a b", "*"] {
        let message = format!("`{name}` is not a plain name");
        check(manifest("mcp", json!({ "ignore": ["toolCallId", name] })), &[&message]);
    }
    check(manifest("refusal", json!({ "code": -32001 })), &["`-32001` is reserved"]);
    check(manifest("limits", json!({ "depth": 129 })), &["the depth is at most 128"]);
    check(manifest("coverage", json!({ "odd": 100 })), &["no tool is in the class `odd`"]);
    check(manifest("coverage", json!({ "read": 0 })), &["`0` is not a percentage from 1 to 100"]);
    check(manifest("coverage", json!({ "read": 101 })), &["`101` is not a percentage"]);
    check(manifest("name", json!("Acme Corp")), &["`Acme Corp` is not a bundle name"]);
    check(manifest("extra", json!(1)), &["unknown field `extra`"]);
}

#[test]
fn policy_rules() {
    let org = |policies: Value| move |document: &mut Value| document["layers"]["org"] = policies;
    let one = |source: &str| json!([{ "id": "a", "source": source }]);
    check(org(json!([])), &["without a policy every call is refused"]);
    check(org(one("permit (principal, action, resource);")), &["the policy has no `@id`"]);
    check(
        org(one("@id(\"a b\") permit (principal, action, resource);")),
        &["`a b` is not a policy id"],
    );
    check(
        org(one("@id(\"a\") permit (principal == ?principal, action, resource);")),
        &["template slot"],
    );
    check(
        org(one("@id(\"a\") permit (principal, action == Action::\"pay/refnd\", resource);")),
        &["unrecognized action `Action::\"pay/refnd\"`", "unable to find an applicable action"],
    );
    check(
        org(one(
            "@id(\"a\") forbid (principal, action, resource) when { context.input.amount > 1 };",
        )),
        &["attribute `input.amount`"],
    );
    let terms = |count: usize| {
        let terms = vec!["context.input.amount == 1"; count].join(" || ");
        one(&format!(
            "@id(\"a\") forbid (principal, action == Action::\"pay/refund\", resource) when {{ {terms} }};"
        ))
    };
    check(org(terms(200)), &[]);
    check(org(terms(300)), &["nested too deeply"]);
    let source = "@id(\"a\") permit (principal, action, resource);";
    let twice = json!([{ "id": "a", "source": source }, { "id": "a", "source": source }]);
    check(org(twice), &["another policy has the id `a`"]);
    check(
        |document| document["layers"]["division/a"] = json!([]),
        &["`division/a` is not a layer"],
    );
    check(
        org(one("@id(\"a\") @mode(\"shadwo\") permit (principal, action, resource);")),
        &["`shadwo` is not a mode"],
    );
    let shadow = |layers: Value| {
        move |document: &mut Value| document["manifest"]["layers"] = json!({ "shadow": layers })
    };
    check(shadow(json!(["tenant/acme"])), &["there is no layer `tenant/acme`"]);
    check(shadow(json!(["org"])), &["without `org` nothing is permitted"]);
}

/// A `forbid` on a tool that the inventory does not list protects nothing, even if the schema
/// declares the action.
#[test]
fn the_schema_declares_no_actions_and_no_tags() {
    let declared = |more: &str, policy: &str| {
        let (more, source) = (more.to_owned(), format!("@id(\"p\") forbid ({policy}, resource);"));
        move |document: &mut Value| {
            let schema = document["schema"].as_str().unwrap().to_owned();
            document["schema"] = json!(format!("{schema} {more}"));
            document["layers"]["org"][2] = json!({ "id": "p", "source": source });
        }
    };
    let applies = "appliesTo { principal: User, resource: Server }";
    check(
        declared(
            &format!("action \"pay/burn\" {applies};"),
            "principal, action == Action::\"pay/burn\"",
        ),
        &["the schema declares the action `Action::\"pay/burn\"`"],
    );
    check(
        declared(
            &format!("namespace A {{ action all, \"o\\\"ne\" {applies}; }}"),
            "principal, action == A::Action::\"all\"",
        ),
        &["the action `A::Action::\"all\"`", "the action `A::Action::\"o\\\"ne\"`"],
    );
    check(
        declared("namespace A { entity Tagged in [Agent] tags Set<String>; }", "principal, action"),
        &["the schema gives `A::Tagged` tags"],
    );
}

#[test]
fn entities_and_mapping_fit_the_schema() {
    let entity = |entity: Value| move |document: &mut Value| document["entities"] = json!([entity]);
    check(entity(json!({ "uid": "Nothing::\"a\"" })), &["Nothing"]);
    check(entity(json!({ "uid": "Agent::\"o'clock: \u{301}\"", "parents": [] })), &[]);
    check(entity(json!({ "uid": "Agent::\"o\\'clock\"" })), &[]);
    for ill in ["Agent::\"a\\x\"", "Agent::\"a\"b\"", "Agent::\"a", "\"a\"", "a b::\"a\""] {
        check(entity(json!({ "uid": ill })), &["is not an entity"]);
    }
    check(entity(json!({ "uid": "Agent::\"a\"", "attrs": { "x": 1 } })), &["`x`"]);
    for inexact in [json!(-9_007_199_254_740_993_i64), json!(u64::MAX)] {
        let mut document = fixture::document_json();
        let attrs = json!({ "x": [{ "y": inexact }] });
        document["entities"] = json!([{ "uid": "Agent::\"a\"", "attrs": attrs }]);
        let error = serde_json::from_value::<Document>(document).unwrap_err().to_string();
        assert!(error.contains(&format!("`{inexact}` is `")), "{error}");
    }
    check(
        entity(json!({ "uid": "User::\"a\"", "attrs": { "tenant": "t" } })),
        &["is a principal, and those come from tokens"],
    );
    check(
        |document| {
            document["manifest"]["identity"]["principal"]["attributes"]["tenant"]["type"] =
                json!("Long");
        },
        &["bundle.yaml: identity.principal"],
    );
    let enumerated = |document: &mut Value| {
        let schema = document["schema"].as_str().unwrap();
        document["schema"] = json!(schema.replace("entity Agent;", "entity Agent enum [\"bot\"];"));
    };
    check(enumerated, &["bundle.yaml: identity.actor.type: `Agent` is enumerated"]);
    let workload = |document: &mut Value| {
        document["manifest"]["identity"]["workload"] = json!({ "type": "User" });
    };
    check(workload, &["bundle.yaml: identity.workload"]);
    check(
        |document| {
            document["manifest"]["identity"]["principal"]["parents"][0]["type"] = json!("Agent");
        },
        &["bundle.yaml: identity.principal"],
    );
}

#[test]
fn channels_by_host() {
    let mut document = fixture::document_json();
    document["manifest"]["channels"] = json!([
        { "path": "/mcp", "server": "pay" },
        { "path": "/mcp", "server": "pay", "authority": "pay.example" },
    ]);
    let bundle = load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let named = |authority: &str| Some(bundle.channel(authority, "/mcp")?.authority.is_some());
    for same in ["pay.example", "PAY.Example"] {
        assert_eq!(named(same), Some(true), "{same}");
    }
    for unclear in ["pay.example:8443", "pay.example.", "PAY.example.:1", "pay.example:"] {
        assert_eq!(named(unclear), None, "{unclear}");
    }
    for odd in [
        "",
        "pay.example:x",
        "pay.example..",
        "a@pay.example",
        "pay.example,b",
        "[pay.example]",
        "a b",
    ] {
        assert_eq!(named(odd), None, "{odd}");
    }
    for other in ["pay.example.org", "xpay.example", "10.0.0.1:80", "[::1]:80", "a_b-c.example."] {
        assert_eq!(named(other), Some(false), "{other}");
    }
    for bad in ["Pay.example", "pay example", ""] {
        assert!(Host::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

#[test]
fn tools_and_their_notes() {
    check(
        |document| document["manifest"]["servers"]["pay"]["tools"]["refnd"] = json!({}),
        &["server `pay` has no tool `refnd`"],
    );
    check(
        |document| {
            document["manifest"]["servers"]["pay"]["tools"]["refund"]["redact"] = json!(["nota"]);
        },
        &["nota"],
    );
    check(|document| document["tools"]["other"] = json!([]), &["the server is not in `servers`"]);
}

#[test]
fn resources_fit_the_schema_and_the_entities() {
    let mapped = |declaration: &'static str, mark: Value| {
        move |document: &mut Value| {
            let schema = document["schema"].as_str().unwrap().to_owned();
            document["schema"] = json!(format!("{schema} {declaration}"));
            document["manifest"]["servers"]["pay"]["tools"]["get"] = json!({ "resource": mark });
            document["layers"]["org"][0]["source"] = json!(
                "@id(\"reads\") permit (principal, action == Action::\"pay/get\", resource);"
            );
        }
    };
    let refuse = |name: &str| json!({ "type": name, "argument": "id" });
    let evaluate = |name: &str| json!({ "type": name, "argument": "id", "unknown": "evaluate" });
    let at = "bundle.yaml: servers.pay.tools.get.resource";
    let warning = format!("{at}.type: every call is refused: entities.yaml has no `Payment`");
    check(mapped("entity Payment;", refuse("Payment")), &[&warning]);
    check(mapped("entity Payment;", evaluate("Payment")), &[]);
    check(mapped("entity Payment { to?: User };", evaluate("Payment")), &[]);
    check(mapped("namespace Pay { entity Payment; }", evaluate("Pay::Payment")), &[]);
    check(
        mapped("entity Payment { to: User };", evaluate("Payment")),
        &[&format!("{at}.unknown: policies could not evaluate an unknown `Payment`")],
    );
    let undeclared = format!("{at}.type: entity type `Payment` is not declared");
    check(mapped("", refuse("Payment")), &[&undeclared]);
    check(mapped("type Payment = { to: User };", evaluate("Payment")), &[&undeclared]);
    check(
        mapped("entity Payment enum [\"p\"];", refuse("Payment")),
        &[&format!("{at}.type: `Payment` is enumerated in the schema")],
    );
    check(mapped("", refuse("User")), &[&format!("{at}.type: `User` is the type of principals")]);
    check(mapped("", refuse("pay Payment")), &["is not a Cedar entity type name"]);
    let misspelt = json!({ "type": "Role", "argument": "id", "unknown": "allow" });
    check(mapped("", misspelt), &["unknown variant `allow`"]);
    check(mapped("", json!({ "type": "Role", "argument": "idd" })), &["no such argument"]);
}

#[test]
fn digest_depends_on_content_only() {
    let one = fixture::document();
    let text = serde_json::to_string_pretty(&one).unwrap();
    let two: Document = serde_json::from_str(&text).unwrap();
    assert_eq!(one.digest(), two.digest());
    let mut other = one;
    other.manifest.version = 4;
    assert_ne!(other.digest(), two.digest());
}

#[test]
fn spans_point_into_the_policy() {
    let mut document = fixture::document_json();
    let source = "@id(\"a\") permit (principal, action == Action::\"pay/refund\", resource) when { context.input.amont > 1 };";
    document["layers"]["org"] = json!([{ "id": "a", "source": source }]);
    let findings = load(&serde_json::from_value(document).unwrap()).unwrap_err();
    let span = findings[0].span.clone().unwrap();
    assert_eq!(source.get(span), Some("context.input.amont"));
}

/// Built bundles are validated against the generated types, so an author's type must not shadow
/// one.
#[test]
fn no_type_of_the_author_stands_in_the_place_of_one_that_is_generated_for() {
    let document = |schema: &dyn Fn(&str) -> String, tools: Option<Value>| {
        let mut document = fixture::document_json();
        let written = schema(document["schema"].as_str().unwrap());
        document["schema"] = json!(written);
        if let Some(tool) = tools {
            document["tools"]["pay"][1]["inputSchema"] = tool;
        }
        serde_json::from_value::<Document>(document).unwrap()
    };
    for name in ["ipaddr", "datetime", "duration", "decimal", "String", "Long", "Bool"] {
        let found = load(&document(&|schema| format!("type {name} = {{}}; {schema}"), None));
        assert!(found.is_err(), "{name}");
        let found = load(&document(&|schema| format!("entity {name}; {schema}"), None));
        assert!(found.is_err(), "{name}");
    }
    let enumerated = |schema: &str| schema.replace("entity Server;", "entity Server enum [\"x\"];");
    assert_ne!(
        enumerated(&document(&str::to_owned, None).schema),
        document(&str::to_owned, None).schema
    );
    assert!(load(&document(&enumerated, None)).is_err());
    let two = |one: &str, other: &str| {
        json!({ "type": "object",
            "$defs": { "Mode": { "type": "string", "enum": [one] } },
            "definitions": { "Mode": { "type": "string", "enum": [other] } },
            "properties": { "amount": { "type": "integer" }, "note": { "type": "string" },
                "a": { "$ref": "#/$defs/Mode" }, "b": { "$ref": "#/definitions/Mode" } },
            "required": ["amount"] })
    };
    assert!(load(&document(&str::to_owned, Some(two("read", "read")))).is_ok());
    assert!(load(&document(&str::to_owned, Some(two("read", "write")))).is_err());
}

#[test]
fn what_is_resolved_is_made_anew_and_compared() {
    let mut document = fixture::document();
    let resolved = load(&document).unwrap().resolved;
    document.resolved = Some(resolved.clone());
    assert!(load(&document).is_ok());
    let lies = [
        Resolved { entities: Vec::new(), ..resolved.clone() },
        Resolved {
            entities: resolved.entities.iter().rev().cloned().collect(),
            ..resolved.clone()
        },
        Resolved { types: ["Other".to_owned()].into(), ..resolved.clone() },
    ];
    for lie in lies {
        assert_ne!(lie, resolved);
        document.resolved = Some(lie);
        let findings = load(&document).unwrap_err();
        assert!(findings.iter().any(|found| found.is_error() && found.code == Code::Entity));
    }
}

#[test]
fn a_text_in_the_place_of_a_value_of_an_enumeration() {
    let reason = json!({ "type": "string", "enum": ["damaged", "goodwill"] });
    let compared = |words: &'static str| {
        let reason = reason.clone();
        move |document: &mut Value| {
            document["tools"]["pay"][1]["inputSchema"]["properties"]["reason"] = reason;
            document["layers"]["org"][2]["source"] = json!(format!(
                r#"@id("limit") forbid (principal, action == Action::"pay/refund", resource) when {{ context.input has reason && {words} }};"#
            ));
        }
    };
    let advice = "write `pay::refund::Input::reason::\"…\"`";
    check(compared(r#"context.input.reason == "goodwill""#), &[advice]);
    check(compared(r#""goodwill" == context.input.reason"#), &[advice]);
    check(compared(r#"context.input.reason == pay::refund::Input::reason::"goodwill""#), &[]);
}
