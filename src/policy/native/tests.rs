//! The conditions that the native evaluator handles, and those it leaves to Cedar.

use cedar_policy_core::ast::Request;
use cedar_policy_core::entities::Entities;
use serde_json::json;

use crate::bundle::{self, PolicySource};
use crate::decide::{Facts, Question};
use crate::fixture;
use crate::identity::{Attested, identify};
use crate::policy::{CompiledPolicy, Fallback};

const ARGUMENTS: &str = r#"{
    "amount": 7, "price": 1.5, "open": true, "text": "abc", "kind": "one", "texts": ["a", "b"],
    "parts": [{ "name": "a" }], "nest": { "name": "n" }, "pair": ["p", 2], "either": 3,
    "at": "1970-01-01T00:00:00Z"
}"#;

/// Conditions with the result of the native evaluator.
const NATIVE: [(&str, bool); 64] = [
    ("true", true),
    ("!context.input.open", false),
    ("context.input.amount == 7", true),
    ("context.input.amount != -7", true),
    ("context.input.amount < 7", false),
    ("context.input.amount <= 7", true),
    ("context.input.amount > 7", false),
    ("context.input.amount >= 8", false),
    ("context.input.amount == \"7\"", false),
    ("context.input.price == 1", false),
    ("context.input.price == decimal(\"1.50\")", true),
    ("context.input.price.lessThan(decimal(\"01.5\"))", false),
    ("context.input.price.lessThanOrEqual(decimal(\"1.5\"))", true),
    ("context.input.price.greaterThan(decimal(\"-0.5\"))", true),
    ("context.input.price.greaterThanOrEqual(decimal(\"1.5001\"))", false),
    ("decimal(\"-0.5\").greaterThan(decimal(\"-0.6\"))", true),
    ("decimal(\"-0.0\") == decimal(\"0.0\")", true),
    ("context.input.text like \"a*\"", true),
    ("context.input.text like \"a\"", false),
    ("context.input.kind == pay::refund::Input::kind::\"one\"", true),
    ("context.input.kind == pay::refund::Input::kind::\"two\"", false),
    ("context.input.texts.contains(\"a\")", true),
    ("context.input.texts.contains(1)", false),
    ("context.input.texts.containsAll([\"b\", \"a\", \"a\"])", true),
    ("context.input.texts.containsAll([\"b\", \"c\"])", false),
    ("context.input.texts.containsAll([])", true),
    ("context.input.texts.containsAny([\"c\", \"b\"])", true),
    ("context.input.texts.containsAny([])", false),
    ("context.input has missing", false),
    ("context.input has nest && context.input.nest has name", true),
    ("context.input.nest.name == \"n\"", true),
    ("context.input.pair.proj1 == 2", true),
    ("context.input.either has typeChoice0", false),
    ("context.input.either.typeChoice1 == 3", true),
    ("context has token && context.token.scopes.contains(\"s\")", true),
    ("context has nothing", false),
    ("context.delegation.depth == 1", true),
    ("context.delegation.agents.contains(context.actor)", true),
    ("context.actor == Agent::\"bot\"", true),
    ("context.request.method == \"POST\"", true),
    ("context.request.path == \"/a\"", true),
    ("context.request.environment == \"test\"", true),
    ("context.request has trace_id", false),
    ("context.request has source_ip", false),
    ("principal == User::\"alice\"", true),
    ("principal is User", true),
    ("principal is Role", false),
    ("principal in Role::\"rep\"", true),
    ("principal in Role::\"above\"", true),
    ("principal in Role::\"other\"", false),
    ("principal in [Role::\"other\", Role::\"rep\"]", true),
    ("principal in []", false),
    ("principal is User in Role::\"rep\"", true),
    ("principal.tenant == \"acme\"", true),
    ("User::\"nobody\" has tenant", false),
    ("User::\"nobody\" in User::\"nobody\"", true),
    ("User::\"nobody\" in Role::\"rep\"", false),
    ("action in Action::\"class:money\"", true),
    ("action == Action::\"pay/get\"", false),
    ("resource is Server", true),
    ("[principal, resource].contains(Server::\"pay\")", true),
    ("(if context.input.open then context.input.amount else 0) == 7", true),
    // The operand that would err is not evaluated.
    ("false && principal", false),
    ("true || 1", true),
];

/// Conditions that only Cedar evaluates, with or without an error.
const CEDAR: [&str; 46] = [
    "1",
    "1 && true",
    "true && 1",
    "false || \"a\"",
    "!1",
    "if 1 then true else true",
    "if true then 1 else true",
    "context.input.amount + 1 == 8",
    "-context.input.amount == 7",
    "context.input.amount < \"7\"",
    "context.input.amount < context.input.price",
    "context.input.at < context.input.at",
    "context.input.price < decimal(\"2.0\")",
    "context.input.price.lessThan(2)",
    "context.input.amount.lessThan(decimal(\"2.0\"))",
    "decimal(\"1.23456\") == decimal(\"1.0\")",
    "decimal(\"922337203685477.5808\") == decimal(\"1.0\")",
    "decimal(\"1\") == decimal(\"1.0\")",
    "decimal(\"٣.٣\") == decimal(\"1.0\")",
    "decimal(context.input.text) == decimal(\"1.0\")",
    "decimal(1) == decimal(\"1.0\")",
    "ip(\"127.0.0.1\").isLoopback()",
    "context.input.missing == 1",
    "context.input has nest.name",
    "context.input.amount has name",
    "context.input.nest == context.input.nest",
    "context.input.nest == {name: \"n\"}",
    "context.input.texts == [\"a\", \"b\"]",
    "context.input.texts.isEmpty()",
    "context.input.parts.contains({name: \"a\"})",
    "[1].contains(context.input.nest)",
    "[context.input.nest].containsAny([1])",
    "context.input.amount.contains(7)",
    "context.input.texts.containsAll(\"a\")",
    "context.input.amount like \"*\"",
    "context.input.amount is User",
    "context == context",
    "context.request == context",
    "context.request has time",
    "context.request.trace_id == \"a\"",
    "context.request.time == datetime(\"1970-01-01\")",
    "principal.missing == 1",
    "User::\"nobody\".tenant == \"acme\"",
    "1 in principal",
    "principal in 1",
    "principal in [Role::\"rep\", 1]",
];

#[test]
fn common_conditions_are_evaluated_without_cedar() {
    question(|question| {
        let posed = question.in_cedar().unwrap();
        let (request, entities) = (posed.request().as_ref(), posed.entities().as_ref());
        let fallback = Fallback::new(|| Some((Request::clone(request), Entities::clone(entities))));
        for (condition, expected) in NATIVE {
            let policy = policy(condition);
            assert_eq!(policy.native.matches(&question.env()), Some(expected), "{condition}");
            assert_eq!(fallback.matches(&policy), Some(expected), "{condition}");
        }
    });
}

#[test]
fn other_conditions_and_errors_are_left_to_cedar() {
    question(|question| {
        for condition in CEDAR {
            let matches = policy(condition).native.matches(&question.env());
            assert_eq!(matches, None, "{condition}");
        }
    });
}

#[test]
fn deeply_nested_conditions_are_left_to_cedar() {
    let chain = |length: usize| policy(&vec!["context.input.open"; length].join(" && "));
    assert!(chain(250).native.condition.is_some());
    assert!(chain(300).native.condition.is_none());
}

fn policy(condition: &str) -> CompiledPolicy {
    let source = format!("permit (principal, action, resource) when {{ {condition} }};");
    CompiledPolicy::parse(PolicySource { id: "p", source: &source }).expect(condition)
}

/// Calls a function with a question: a refund by Alice's agent.
fn question(ask: impl Fn(&Question<'_>)) {
    let text = json!({ "type": "string" });
    let mut document = fixture::document_json();
    document["schema"] = json!(
        "entity Role in [Role]; entity User in [Role] { tenant: String }; entity Agent; entity Server;"
    );
    let above = json!({ "uid": "Role::\"rep\"", "parents": ["Role::\"above\""] });
    document["entities"].as_array_mut().unwrap().push(above);
    document["tools"]["pay"][1]["inputSchema"] = json!({ "type": "object", "properties": {
        "amount": { "type": "integer" }, "price": { "type": "number" }, "open": { "type": "boolean" },
        "text": text, "kind": { "enum": ["one", "two"] }, "note": text,
        "texts": { "type": "array", "items": text },
        "parts": { "type": "array", "items": { "type": "object", "properties": { "name": text } } },
        "nest": { "type": "object", "properties": { "name": text } },
        "pair": { "type": "array", "prefixItems": [text, { "type": "integer" }] },
        "either": { "type": ["string", "integer"] },
        "at": { "type": "string", "format": "date-time" },
    }, "required": ["amount"] });
    let bundle = bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let mut claims = fixture::claims();
    claims["scope"] = json!("s");
    let tokens = [("session".to_owned(), claims)].into();
    let identity = identify(&bundle.identity, &Attested { tokens, peer: None }).unwrap();
    let facts = Facts {
        time: chrono::DateTime::UNIX_EPOCH,
        method: "POST".to_owned(),
        path: "/a".to_owned(),
        authority: "pay".to_owned(),
        source_ip: None,
        trace_id: None,
        environment: "test".into(),
    };
    let arguments = crate::json::read(ARGUMENTS.as_bytes(), 8).unwrap();
    let tool = bundle.tool("pay", "refund").unwrap();
    ask(&Question::new(&bundle, tool, arguments.as_object(), &identity, &facts).unwrap());
}
