//! Tokens that limit calls.

mod step_up;

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

/// Nothing is known of what its scopes would be.
#[test]
fn a_tool_without_scopes_is_beyond_a_capability_with_scopes() {
    let mut document = document();
    document["manifest"]["servers"]["pay"]["tools"]["get"] = json!({});
    let gate = gate_of(&document);
    forwarded(decided(&gate, &json!({ "session": session("") }), &get()));
    let tokens = json!({ "session": session(""), "txn": txn() });
    let (refusal, _) = refused(decided(&gate, &tokens, &get()));
    assert_eq!(refusal.records[0].reason, Reason::CapabilityExceeded);
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
fn everything_about_a_capability_has_a_reason_of_its_own() {
    let mut document = document();
    document["manifest"]["identity"]["capabilities"][0]["audience"] = json!("acme");
    let gate = gate_of(&document);
    // The time of the requests, in seconds.
    let now = 1_795_219_200;
    let mut good = txn();
    good["aud"] = json!(["other", "acme"]);
    for (name, value, reason) in [
        ("sub", json!("bob"), Reason::CapabilitySubject),
        ("tctx", json!({ "tenant": "globex" }), Reason::CapabilityTenant),
        ("tctx", json!({}), Reason::CapabilityMalformed),
        ("act", json!({ "sub": "other" }), Reason::CapabilityActor),
        ("act", json!({ "sub": "other", "act": { "sub": "bot" } }), Reason::CapabilityActor),
        ("aud", json!("other"), Reason::CapabilityAudience),
        ("aud", Value::Null, Reason::CapabilityAudience),
        ("txn", json!("t-2"), Reason::CapabilityTransaction),
        ("exp", json!(now - 60), Reason::CapabilityExpired),
        ("exp", Value::Null, Reason::CapabilityMalformed),
        ("nbf", json!(now + 61), Reason::CapabilityNotYetValid),
        ("scope", json!(7), Reason::CapabilityMalformed),
    ] {
        let mut of_transaction = session("read");
        of_transaction["txn"] = json!("t-1");
        forwarded(decided(&gate, &json!({ "session": of_transaction, "txn": good }), &get()));
        let mut bad = good.clone();
        bad[name] = value.clone();
        let (refusal, _) =
            refused(decided(&gate, &json!({ "session": of_transaction, "txn": bad }), &get()));
        assert_eq!(refusal.records[0].reason, reason, "{name} {value}");
    }
    // Of two capabilities, each has a transaction.
    let task = json!({ "sub": "alice", "exp": EXPIRES, "tools": ["pay/*"], "servers": ["pay"], "txn": "t-2" });
    let tokens = json!({ "session": session("read"), "txn": good, "task": task });
    let (refusal, _) = refused(decided(&gate, &tokens, &get()));
    assert_eq!(refusal.records[0].reason, Reason::CapabilityTransaction);
    let mut arrival = arrival(&with(&[("txn-token", "e30.e30.e30")]), Some(session("read")));
    arrival.time = DateTime::from_timestamp(now, 0).unwrap();
    let (refusal, _) = refused(Exchange::default().step(&gate, Event::Headers(&arrival)));
    assert_eq!(refusal.records[0].reason, Reason::CapabilityUnverified);
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
