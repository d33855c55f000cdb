//! Tokens that limit calls, and scopes that clients are told to ask for.

use proptest::prelude::*;

use super::*;
use crate::decide;

const EXPIRES: i64 = 4_102_444_800;

fn document() -> Value {
    let mut document = fixture::document_json();
    let manifest = &mut document["manifest"];
    manifest["identity"]["capabilities"] = json!([
        { "token": "txn", "header": "txn-token", "optional": true, "scopes": "scope", "tenant": "tctx.tenant",
          "attributes": { "purpose": { "claim": "tctx.purpose", "type": "String", "optional": true, "redact": true } } },
        { "token": "task", "header": "task-token", "optional": true, "tools": "tools",
          "resources": [{ "claim": "servers", "type": "Server", "optional": true }] },
    ]);
    let tools = &mut manifest["servers"]["pay"]["tools"];
    tools["refund"]["scopes"] = json!(["refund"]);
    tools["get"] = json!({ "scopes": ["read"] });
    document
}

fn gate_of(document: &Value) -> Gate {
    let document = serde_json::from_value(document.clone()).unwrap();
    let loaded = crate::bundle::load(&document);
    Gate::new(loaded.unwrap_or_else(|it| panic!("{it:#?}")).bundle, "test".to_owned())
}

fn stepping_up(scopes: &[&str]) -> Value {
    let mut document = document();
    document["manifest"]["refusal"] = json!({
        "step_up": scopes, "resource_metadata": "https://tools/.well-known/oauth-protected-resource",
    });
    document
}

fn txn() -> Value {
    json!({ "sub": "alice", "exp": EXPIRES, "txn": "t-1", "scope": "read", "tctx": { "tenant": "acme", "purpose": "p-1" } })
}

fn session(scope: &str) -> Value {
    let mut claims = fixture::claims();
    claims["scope"] = json!(scope);
    claims
}

fn decided(gate: &Gate, tokens: &Value, body: &str) -> Step {
    let mut arrival = arrival(&POST, None);
    let tokens = serde_json::from_value(tokens.clone()).unwrap();
    arrival.evidence = Ok(Evidence::from(Attested { tokens, peer: None }));
    let mut exchange = Exchange::default();
    match exchange.step(gate, Event::Headers(&arrival)) {
        Step::AwaitBody => exchange.step(gate, Event::End(body.as_bytes())),
        step @ (Step::Drain | Step::Consult(_) | Step::Done(_)) => step,
    }
}

fn get() -> String {
    call("get", r#"{"id":"a"}"#)
}

fn refund(amount: u32) -> String {
    call("refund", &json!({ "amount": amount }).to_string())
}

#[test]
fn a_record_has_the_capability_and_its_transaction() {
    let tokens = json!({ "session": session("read refund"), "txn": txn() });
    let gate = gate_of(&document());
    let Step::Done(effects) = decided(&gate, &tokens, &get()) else { panic!() };
    let record: Value = serde_json::from_str(&effects.records[0].to_line()).unwrap();
    assert_eq!((&record["reason"], &record["txn"]), (&json!("permitted"), &json!("t-1")));
    assert_eq!(
        record["capabilities"],
        json!([{
            "token": "txn", "issuer": null, "jti": null, "txn": "t-1", "expires": "2100-01-01T00:00:00.000Z",
            "scopes": ["read"], "tools": null, "resources": null, "attributes": { "purpose": "[redacted]" },
            "claims_digest": crate::digest::Digest::of(&txn()).to_string(),
        }])
    );
    let (refusal, body) = refused(decided(&gate, &tokens, &refund(5)));
    let record = &refusal.records[0];
    assert_eq!(record.reason, Reason::CapabilityExceeded);
    let detail = record.detail.as_deref();
    assert_eq!(detail, Some("the capability `txn` does not have the scope `refund`"));
    // The caller gets a result, so that its session goes on.
    assert_eq!((refusal.reply.status, &body["result"]["isError"]), (200, &json!(true)));
}

#[test]
fn a_call_needs_a_capability_that_is_not_optional() {
    let mut document = document();
    document["manifest"]["identity"]["capabilities"][0]["optional"] = json!(false);
    let gate = gate_of(&document);
    let (refusal, _) = refused(decided(&gate, &json!({ "session": session("read") }), &get()));
    assert_eq!(refusal.records[0].reason, Reason::CapabilityMissing);
    // What runs nothing needs none.
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    forwarded(decided(&gate, &json!({ "session": session("read") }), ping));
}

#[test]
fn what_the_proxy_did_not_verify_has_the_reason_that_it_tells() {
    let gate = gate_of(&document());
    for (message, reason) in [
        ("Jwt is expired", Reason::CapabilityExpired),
        ("Jwt not yet valid", Reason::CapabilityNotYetValid),
        ("Audiences in Jwt are not allowed", Reason::CapabilityAudience),
        ("Jwt verification fails", Reason::CapabilityUnverified),
        ("", Reason::CapabilityUnverified),
    ] {
        let failure = json!({ "code": 16, "message": message });
        let mut tokens = json!({ "session": session("read"), "txn.failure": failure });
        for with_claims in [false, true] {
            if with_claims {
                tokens["txn"] = txn();
            }
            let (refusal, _) = refused(decided(&gate, &tokens, &get()));
            assert_eq!(
                (refusal.records[0].reason, refusal.reply.status),
                (reason, 403),
                "{message}"
            );
        }
    }
    let missing = json!({ "code": 16, "message": "Jwt is missing" });
    forwarded(decided(
        &gate,
        &json!({ "session": session("read"), "txn.failure": missing }),
        &get(),
    ));
}

#[test]
fn the_least_set_of_scopes_is_asked_for() {
    let gate = gate_of(&stepping_up(&["admin", "read", "refund"]));
    let (refusal, body) =
        refused(decided(&gate, &json!({ "session": session("read") }), &refund(5)));
    let Refusal { reply, records } = refusal;
    assert_eq!((reply.status, records[0].reason), (403, Reason::InsufficientScope));
    let challenge = reply.headers.iter().find(|(name, _)| *name == "www-authenticate").unwrap();
    assert_eq!(
        challenge.1,
        "Bearer error=\"insufficient_scope\", scope=\"refund\", \
         resource_metadata=\"https://tools/.well-known/oauth-protected-resource\""
    );
    assert_eq!(body["id"], json!("x"));
    assert_eq!(body["error"]["data"]["scopes"], json!(["refund"]));
}

/// Scopes that the client has already, that the bundle does not offer, or that would not do.
#[test]
fn without_an_effect_no_scope_is_asked_for() {
    for (offered, session, extra, body, reason) in [
        (&["refund"][..], session("read"), None, refund(501), Reason::InsufficientScope),
        (&["read"], session("read"), None, refund(5), Reason::InsufficientScope),
        (&["refund"], session("refund"), None, refund(501), Reason::Forbidden),
        (&["refund"], session("read"), Some(("txn", txn())), refund(5), Reason::CapabilityExceeded),
        (&[], session("read"), None, refund(5), Reason::InsufficientScope),
    ] {
        let gate = gate_of(&stepping_up(offered));
        let mut tokens = json!({ "session": session });
        if let Some((name, claims)) = extra {
            tokens[name] = claims;
        }
        let (refusal, _) = refused(decided(&gate, &tokens, &body));
        assert_eq!((refusal.records[0].reason, refusal.reply.status), (reason, 200), "{offered:?}");
    }
    let mut concealing = stepping_up(&["refund"]);
    concealing["manifest"]["refusal"]["style"] = json!("conceal");
    let tokens = json!({ "session": session("read") });
    let (refusal, _) = refused(decided(&gate_of(&concealing), &tokens, &refund(5)));
    assert_eq!(refusal.reply.status, 200);
    assert!(refusal.reply.headers.iter().all(|(name, _)| *name != "www-authenticate"));
    // Of several calls, some of which a scope does not help.
    let gate = gate_of(&stepping_up(&["refund"]));
    let batch = format!("[{},{}]", refund(5), refund(5).replace("\"x\"", "\"y\""));
    let (refusal, _) = refused(decided(&gate, &tokens, &batch));
    assert_eq!(refusal.reply.status, 200);
}

/// A policy that forbids a call with a scope is no reason to ask for that one.
#[test]
fn scopes_that_policies_read_are_found_by_deciding() {
    let mut document = stepping_up(&["a", "b", "c", "d", "e", "f", "g", "h", "refund", "read"]);
    let forbid = |id: &str, condition: &str| {
        let source = format!(
            "@id(\"{id}\") forbid (principal, action == Action::\"pay/refund\", resource) {condition};"
        );
        json!({ "id": id, "source": source })
    };
    let org = document["layers"]["org"].as_array_mut().unwrap();
    org.push(forbid("either", r#"unless { context.token.scopes.containsAny(["c", "g"]) }"#));
    org.push(forbid("not", r#"when { context.token.scopes.contains("c") }"#));
    org.push(forbid(
        "three",
        r#"when { context.input.amount > 100 } unless { context.token.scopes.containsAll(["b", "d", "f"]) }"#,
    ));
    for (held, amount, expected) in [
        ("read", 5, Some(&["refund", "g"][..])),
        ("refund", 5, Some(&["refund", "g"])),
        ("refund g", 5, None),
        // Whoever keeps what it has would be refused.
        ("refund c", 5, None),
        // There are more sets than are tried, and all scopes together are forbidden.
        ("refund", 500, None),
    ] {
        let tokens = json!({ "session": session(held) });
        let step = decided(&gate_of(&document), &tokens, &refund(amount));
        let Step::Done(effects) = step else { panic!() };
        let scopes = match effects.ending {
            Ending::Reply(reply) => {
                let body: Value = serde_json::from_slice(&reply.body).unwrap();
                body["error"]["data"].get("scopes").cloned()
            }
            Ending::Forward(_) | Ending::Replace(_) => None,
        };
        assert_eq!(scopes, expected.map(|scopes| json!(scopes)), "{held} {amount}");
    }
}

/// Scopes are asked for a call that is then put to a person, if somebody can be asked.
#[test]
fn a_call_that_a_person_would_have_to_approve() {
    let mut document = stepping_up(&["refund", "read"]);
    let escalates = "@id(\"approved\") @escalate(\"finance\") \
        forbid (principal, action == Action::\"pay/refund\", resource) unless { context has approval };";
    let org = document["layers"]["org"].as_array_mut().unwrap();
    org.push(json!({ "id": "approved", "source": escalates }));
    let manifest = &mut document["manifest"];
    manifest["issuer"] = json!("https://gate.acme.example");
    let keys = [fixture::key(9).public().text()];
    manifest["approvals"] = json!({ "service": "https://approvals.acme.example", "keys": keys });
    let tokens = |scope: &str| json!({ "session": session(scope) });
    let gate = |signs: bool| {
        let gate = gate_of(&document);
        let key = fixture::key(1).text();
        if signs { gate.signing_with(key.parse().unwrap()) } else { gate }
    };
    for (signs, scope, status, reason) in [
        (true, "read", 403, Reason::InsufficientScope),
        (false, "read", 200, Reason::InsufficientScope),
        // What it has, it need not ask for.
        (true, "refund", 200, Reason::ApprovalRequired),
    ] {
        let (refusal, _) = refused(decided(&gate(signs), &tokens(scope), &refund(5)));
        assert_eq!((refusal.reply.status, refusal.records[0].reason), (status, reason), "{scope}");
    }
}

#[test]
fn beyond_the_number_of_trials_a_set_is_one_without_a_needless_scope() {
    let offered = ["a", "b", "c", "d", "e", "f", "g", "h", "refund", "read"];
    let mut document = stepping_up(&offered);
    let source = "@id(\"three\") forbid (principal, action == Action::\"pay/refund\", resource) \
                  unless { context.token.scopes.containsAll([\"b\", \"d\", \"f\"]) };";
    document["layers"]["org"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "three", "source": source }));
    let tokens = json!({ "session": session("refund") });
    let (_, body) = refused(decided(&gate_of(&document), &tokens, &refund(5)));
    let mut scopes: Vec<String> =
        serde_json::from_value(body["error"]["data"]["scopes"].clone()).unwrap();
    scopes.sort_unstable();
    assert_eq!(scopes, ["b", "d", "f", "refund"]);
}

#[test]
fn a_tool_beyond_a_capability_is_in_no_list() {
    let gate = gate_of(&document());
    let listed = |tokens: Value| {
        let tokens = serde_json::from_value(tokens).unwrap();
        let evidence = Evidence::from(Attested { tokens, peer: None });
        let sender = gate.senders.identify(&gate.bundle, &evidence).unwrap();
        let facts = arrival(&POST, None).facts(&gate.environment);
        let caller = sender.caller.as_ref().unwrap();
        let is_listed = |name: &&str| {
            let tool = gate.bundle.tool("pay", name).unwrap();
            decide::list(&gate.bundle, &sender.identity, caller, tool, &facts).outcome.is_ok()
        };
        ["get", "refund"].into_iter().filter(is_listed).collect::<Vec<_>>()
    };
    let session = session("read refund");
    assert_eq!(listed(json!({ "session": session })), ["get", "refund"]);
    assert_eq!(listed(json!({ "session": session, "txn": txn() })), ["get"]);
    let task =
        json!({ "sub": "alice", "exp": EXPIRES, "tools": ["pay/refund"], "servers": ["pay"] });
    assert_eq!(listed(json!({ "session": session, "task": task })), ["refund"]);
    assert_eq!(listed(json!({ "session": session, "txn": txn(), "task": task })), [""; 0]);
    let elsewhere = json!({ "sub": "alice", "exp": EXPIRES, "tools": ["pay/*"] });
    assert_eq!(listed(json!({ "session": session, "task": elsewhere })), [""; 0]);
}

fn claims() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        Just(json!("alice")),
        Just(json!("read")),
        Just(json!("read refund")),
        Just(json!(["pay/get", "pay/refund"])),
        Just(json!(["pay/*"])),
        Just(json!(["pay"])),
        Just(json!({ "tenant": "acme", "purpose": "p-1" })),
        Just(json!({ "sub": "bot" })),
        Just(json!(EXPIRES)),
        Just(json!("t-1")),
        Just(Value::Null),
    ];
    let name = prop::sample::select(vec![
        "sub", "exp", "nbf", "scope", "scp", "purp", "tools", "servers", "tctx", "azd", "act",
        "txn", "iss", "roles", "tenant", "aud",
    ]);
    let changes = prop::collection::vec((name, value), 0..4);
    changes.prop_map(|changes| {
        let mut claims = json!({
            "sub": "alice", "exp": EXPIRES, "scope": "read refund", "tctx": { "tenant": "acme", "purpose": "p-1" },
            "tools": ["pay/*"], "servers": ["pay"],
        });
        for (name, value) in changes {
            claims[name] = value;
        }
        claims
    })
}

fn is_permitted(gate: &Gate, tokens: &Value, body: &str) -> bool {
    let Step::Done(effects) = decided(gate, tokens, body) else { panic!() };
    matches!(effects.ending, Ending::Forward(_))
}

proptest! {
    /// Nothing that a capability says turns a refusal into a permit, unless a policy demands it.
    #[test]
    fn a_capability_never_widens(
        txn in proptest::option::of(claims()),
        task in proptest::option::of(claims()),
        scope in prop::sample::select(vec!["", "read", "refund", "read refund"]),
        amount in prop::sample::select(vec![5_u32, 501]),
        is_get in any::<bool>(),
    ) {
        let mut document = document();
        let purpose = "@id(\"purpose\") forbid (principal, action, resource) when \
            { context.capabilities has txn && !(context.capabilities.txn has purpose) };";
        let org = document["layers"]["org"].as_array_mut().unwrap();
        org.push(json!({ "id": "purpose", "source": purpose }));
        let gate = gate_of(&document);
        let body = if is_get { get() } else { refund(amount) };
        let mut tokens = json!({ "session": session(scope) });
        let without = is_permitted(&gate, &tokens, &body);
        let several = [("txn", txn), ("task", task)];
        for (name, claims) in several.into_iter().filter_map(|(name, it)| Some((name, it?))) {
            tokens[name] = claims;
            prop_assert!(without || !is_permitted(&gate, &tokens, &body), "{tokens}");
        }
    }
}
