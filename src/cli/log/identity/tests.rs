use super::*;
use crate::bundle::{self, Bundle};
use crate::cli::analysis::run;
use crate::cli::input::cases::{Call, Sent};
use crate::fixture;
use crate::gate::Gate;
use crate::identity::{Attested, identify};

const SCHEMA: &str =
    "entity Role, Account, Agent, Server, Workload; entity User in [Role, Account] {
    level?: Long, tags?: Set<String>, vip?: Bool, tenant?: String, scope?: String };";

/// The fixture with another mapping and an irrelevant policy.
fn bundle(principal: &Value) -> Bundle {
    limited(principal, &json!([]))
}

/// Likewise, with capabilities.
fn limited(principal: &Value, capabilities: &Value) -> Bundle {
    let mut document = fixture::document_json();
    document["schema"] = json!(SCHEMA);
    document["manifest"]["identity"] = json!({
        "principal": principal,
        "workload": { "type": "Workload" },
        "actor": { "type": "Agent", "required": false, "spiffe": { "spiffe://a/bot": "bot" } },
        "capabilities": capabilities
    });
    document["layers"]["org"] =
        json!([{ "id": "a", "source": "@id(\"a\") permit (principal, action, resource);" }]);
    bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle
}

fn principal(changes: Value) -> Value {
    let mut principal = json!({ "tokens": ["session"], "type": "User" });
    let (Some(members), Value::Object(changes)) = (principal.as_object_mut(), changes) else {
        panic!()
    };
    members.extend(changes);
    principal
}

/// The record of a call by this identity.
fn recorded(bundle: Bundle, identity: &Identity) -> Recorded {
    let gate = Gate { bundle, ..fixture::gate() };
    let call: Call = serde_json::from_value(
        json!({ "path": "/pay/mcp", "tool": "get", "arguments": { "id": "a" } }),
    )
    .unwrap();
    let sent = Sent { call: Some(&call), request: None, time: None, source_ip: None };
    let (arrival, body) = sent.arrival(Some(identity));
    let outcome = run::whole(&gate, &arrival, &body);
    serde_json::from_str(&outcome.records[0].to_line()).unwrap()
}

fn with_token(claims: Value) -> Identity {
    Identity { tokens: [("session".to_owned(), claims)].into(), spiffe: None }
}

/// Everything about an identity that a policy can read.
fn seen(mapping: &IdentityMapping, attested: &Attested) -> Value {
    let identity = identify(mapping, attested).unwrap();
    let mut entity = identity.principal.entity.to_json_value().unwrap();
    for member in ["parents", "attrs"] {
        if let Some(parents) = entity[member].as_array_mut() {
            parents.sort_by_key(ToString::to_string);
        }
    }
    let token =
        identity.token.map(|token| json!([token.issuer, token.scopes, token.txn, token.expires]));
    let capability = |it: &identity::Capability| {
        let resources = it.resources.as_ref();
        let resources =
            resources.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        json!([it.name, it.token.txn, it.token.expires, it.scopes, it.tools, resources, it.shown])
    };
    let capabilities: Vec<Value> = identity.capabilities.presented.iter().map(capability).collect();
    let actor = identity.actor.map(|actor| actor.chain);
    json!([entity, identity.principal.tenant, actor, token, capabilities])
}

#[track_caller]
fn check(principal: &Value, identity: &Identity) {
    check_limited(principal, &json!([]), identity);
}

#[track_caller]
fn check_limited(principal: &Value, capabilities: &Value, identity: &Identity) {
    let recorded = recorded(limited(principal, capabilities), identity);
    let mapping = limited(principal, capabilities).identity;
    let restored = restore(&recorded, &mapping).unwrap();
    assert!(restored.withheld.is_empty());
    assert_eq!(seen(&mapping, &restored.identity.attested()), seen(&mapping, &identity.attested()));
}

#[test]
fn what_a_record_holds_is_restored() {
    let mapped = principal(json!({
        "id": "user.name", "qualify_by_issuer": true, "tenant": "org.tenant",
        "attributes": {
            "level": { "claim": "org.level", "type": "Long", "optional": true },
            "tags": { "claim": "/https:~1~1a.example~1tags", "type": "Set<String>", "optional": true },
            "vip": { "claim": "vip", "type": "Bool", "optional": true },
            "tenant": { "claim": "org.tenant", "type": "String", "optional": true },
            "scope": { "claim": "scope", "type": "String", "optional": true },
        },
        "parents": [
            { "claim": "realm.roles", "type": "Role" },
            { "claim": "org.tenant", "type": "Account" },
        ]
    }));
    let least = json!({
        "iss": "https://id", "user": { "name": "al|ice" }, "org": { "tenant": "o'acme" }, "realm": { "roles": [] }
    });
    check(&mapped, &with_token(least.clone()));
    let mut most = least;
    most["org"]["level"] = json!(-3.0);
    most["https://a.example/tags"] = json!(["b", "a", "b"]);
    most["vip"] = json!(true);
    most["realm"]["roles"] = json!(["rep", "\"boss\""]);
    most["scope"] = json!("read write");
    most["txn"] = json!("t-1");
    most["exp"] = json!(1_800_000_000);
    most["jti"] = json!("j-1");
    most["act"] = json!({ "sub": "bot", "act": { "sub": "planner", "act": { "sub": "root" } } });
    check(&mapped, &with_token(most));
}

#[test]
fn capabilities_are_restored() {
    let mapped = principal(json!({
        "tokens": ["other", "session"], "id": "user.name", "qualify_by_issuer": true, "tenant": "tenant",
    }));
    let capabilities = json!([
        { "token": "txn", "header": "txn-token", "optional": true, "audience": "acme", "scopes": "scope",
          "beside": ["session"], "subject": "user", "tenant": "tctx.tenant",
          "require": [{ "claim": "kind", "values": ["txn"] }],
          "attributes": { "purpose": { "claim": "tctx.purpose", "type": "String", "optional": true } } },
        { "token": "task", "header": "task-token", "beside": ["other", "session"], "optional": true, "tools": { "claim": "task.tools", "form": "words" },
          "resources": [{ "claim": "task.accounts", "type": "Account" }, { "claim": "roles", "type": "Role", "optional": true }] },
        { "token": "session", "optional": true, "scopes": "scp" },
    ]);
    let expires = 4_102_444_800_i64;
    let session = json!({ "iss": "https://id", "user": { "name": "al|ice" }, "tenant": "acme", "exp": expires, "scp": ["a"] });
    let txn = json!({ "aud": ["x", "acme"], "exp": expires, "user": "al|ice", "kind": "txn", "txn": "t-1", "scope": "read write",
        "tctx": { "tenant": "acme", "purpose": "support" } });
    let task = json!({ "sub": "al|ice", "exp": expires, "task": { "tools": "pay/get pay/*", "accounts": ["o'a", "b"] } });
    let mut of_the_transaction = session.clone();
    of_the_transaction["txn"] = json!("t-1");
    for (session, limits) in [
        (&session, vec![]),
        (&session, vec![("txn", &txn)]),
        (&of_the_transaction, vec![("txn", &txn)]),
        (&of_the_transaction, vec![("task", &task)]),
        (&session, vec![("txn", &txn), ("task", &task)]),
    ] {
        let mut identity = with_token(session.clone());
        let limits = limits.into_iter().map(|(name, claims)| (name.to_owned(), claims.clone()));
        identity.tokens.extend(limits);
        check_limited(&mapped, &capabilities, &identity);
    }
}

#[test]
fn every_form_of_a_claim_is_restored() {
    let mapped = principal(json!({
        "require": [{ "claim": "client_id", "values": ["app", "other"] }, { "claim": "ok", "values": [true] }],
        "teams": { "claim": "teams", "form": "words" },
        "attributes": { "tags": { "claim": "tags", "type": "Set<String>", "form": "keys", "optional": true } },
        "parents": [
            { "claim": "roles", "type": "Role", "form": "keys", "optional": true },
            { "claim": "accounts", "type": "Account", "form": "words" },
        ],
    }));
    let least =
        json!({ "sub": "ann", "client_id": "app", "ok": true, "teams": "", "accounts": "" });
    check(&mapped, &with_token(least));
    check(
        &mapped,
        &with_token(json!({
            "sub": "ann", "client_id": ["other"], "ok": true, "teams": "red blue", "azp": "bot",
            "tags": { "a": {}, "b": 1 }, "roles": { "rep": {}, "boss": {} }, "accounts": "x y",
        })),
    );
}

#[test]
fn a_record_fits_the_mapping_that_gives_all_of_it() {
    let level = json!({ "level": { "claim": "level", "type": "Long", "optional": true } });
    let of = |token: &str, more: Value| {
        let mut of = principal(more);
        of["tokens"] = json!([token]);
        of
    };
    let several = json!([
        of("plain", json!({ "actor": "azp" })),
        of("session", json!({ "attributes": level, "issuers": ["https://id"] })),
        of(
            "session",
            json!({
                "issuers": ["https://other"], "actor": "azp", "id": "oid",
                "parents": [{ "claim": "roles", "type": "Role", "form": "keys" }],
            })
        ),
    ]);
    let token =
        |claims: Value| Identity { tokens: [("session".to_owned(), claims)].into(), spiffe: None };
    check(&several, &token(json!({ "iss": "https://id", "sub": "ann", "level": 3, "azp": "bot" })));
    let other =
        json!({ "iss": "https://other", "oid": "u1", "azp": "bot", "roles": { "rep": {} } });
    check(&several, &token(other));
    let plain =
        Identity { tokens: [("plain".to_owned(), json!({ "sub": "ann" }))].into(), spiffe: None };
    check(&several, &plain);
}

#[test]
fn a_workload_is_restored() {
    let workload = |uri: &str| Identity { tokens: [].into(), spiffe: Some(vec![uri.to_owned()]) };
    check(&principal(json!({})), &workload("spiffe://a/bot"));
    check(&principal(json!({})), &workload("spiffe://a/job"));
    // The certificate names the actor beside a token without one.
    let both = Identity {
        spiffe: Some(vec!["spiffe://a/bot".to_owned()]),
        ..with_token(json!({ "sub": "alice" }))
    };
    check(&principal(json!({})), &both);
}

#[test]
fn stand_ins_have_the_type_of_what_is_withheld() {
    let attribute = |name: &str, kind: &str| json!({ "claim": name, "type": kind, "optional": true, "redact": true });
    let mapped = principal(json!({ "attributes": {
        "level": attribute("level", "Long"), "tags": attribute("tags", "Set<String>"),
        "vip": attribute("vip", "Bool"), "tenant": attribute("tenant", "String"),
    } }));
    let claims = json!({ "sub": "alice", "level": 7, "tags": ["secret"], "tenant": "secret" });
    let recorded = recorded(bundle(&mapped), &with_token(claims));
    let restored = restore(&recorded, &bundle(&mapped).identity).unwrap();
    // Absent values stay absent.
    assert_eq!(restored.withheld, ["level", "tags", "tenant"]);
    let claims = &restored.identity.tokens["session"];
    assert_eq!(
        json!([claims["level"], claims["tags"], claims["vip"], claims["tenant"]]),
        json!([0, [], null, "[redacted]"])
    );
}

#[test]
fn another_bundle_may_ask_for_more() {
    let old = principal(
        json!({ "attributes": { "level": { "claim": "level", "type": "Long", "optional": true } } }),
    );
    let recorded =
        recorded(bundle(&old), &with_token(json!({ "sub": "alice", "level": 1, "vip": true })));
    let restored = |changes: Value| {
        restore(&recorded, &bundle(&principal(changes)).identity)
            .map(|restored| restored.unsaid)
            .map_err(|problem| problem.message)
    };
    assert_eq!(restored(json!({})), Ok(vec![]));
    let vip = json!({ "claim": "vip", "type": "Bool", "optional": true });
    assert_eq!(restored(json!({ "attributes": { "vip": vip } })), Ok(vec!["vip".to_owned()]));
    assert_eq!(
        restored(json!({ "parents": [{ "claim": "roles", "type": "Role" }], "tenant": "company" })),
        Err("the record does not hold what this bundle asks for: claim `company` is missing"
            .to_owned())
    );
    assert_eq!(
        restored(json!({ "type": "Account" })),
        Err("this bundle gives the recorded identity another principal or actor".to_owned())
    );
}
