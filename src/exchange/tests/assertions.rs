//! What is asserted to a server.

use proptest::prelude::*;

use super::*;
use crate::assertion::TYPE;
use crate::digest::Digest;
use crate::header;
use crate::jose::Signer;

const KEY: &str = "MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const OTHER: &str = "MC4CAQAwBQYDK2VwBCIEIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
const GATE: &str = "https://gate.acme.example";

/// A gate that asserts, with changes to its document.
fn asserting(change: impl FnOnce(&mut Value)) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["issuer"] = json!(GATE);
    document["manifest"]["assertion"] = json!({ "valid_for": "1m" });
    change(&mut document);
    let document = serde_json::from_value(document).unwrap();
    let bundle = crate::bundle::load(&document).unwrap().bundle;
    Gate::new(bundle, "test".to_owned()).signing_with(KEY.parse().unwrap())
}

/// The claims that a server gets, if it gets any, and the records.
fn asserted(gate: &Gate, claims: Value, body: &str) -> (Option<Value>, Vec<Record>) {
    let forward = forwarded(run(gate, &POST, Some(claims), body.as_bytes()));
    let signer: Signer = KEY.parse().unwrap();
    let claims = assertion(&forward.headers).map(|jws| signer.verify(TYPE, jws).unwrap());
    (claims, forward.records)
}

/// The assertion that a server gets.
fn assertion(changes: &[HeaderChange]) -> Option<&str> {
    let mut values = changes.iter().filter_map(|change| match change {
        HeaderChange::Set(header::ASSERTION, value) => Some(value.as_str()),
        HeaderChange::Set(..) | HeaderChange::Remove(_) => None,
    });
    let first = values.next();
    assert_eq!(values.next(), None);
    first
}

#[test]
fn a_server_learns_who_calls_what() {
    let mut claims = fixture::claims();
    claims["act"] = json!({ "sub": "bot", "act": { "sub": "planner" } });
    claims["txn"] = json!("t-1");
    let body = call("refund", r#"{"note":"secret","amount":50}"#);
    let (asserted, records) = asserted(&asserting(|_| ()), claims, &body);
    let bundle = &records[0].bundle;
    assert_eq!(
        asserted.unwrap(),
        json!({
            "iss": GATE, "aud": "pay", "iat": 1_795_219_200, "exp": 1_795_219_260,
            "jti": records[0].id, "sub": "alice",
            "principal": { "type": "User", "id": "alice", "tenant": "acme" },
            "act": { "sub": "bot", "act": { "sub": "planner" } },
            "txn": "t-1", "decision": "permit",
            "bundle": { "name": "fixture", "version": 3, "digest": bundle.digest },
            "calls": [{
                "id": records[0].id, "method": "tools/call", "tool": "pay/refund",
                "tool_name": "refund",
                "arguments_digest": Digest::of(&json!({ "amount": 50, "note": "secret" })),
            }],
        })
    );
}

#[test]
fn every_call_of_a_batch_is_asserted_and_nothing_else_of_it() {
    let gate = asserting(|_| ());
    let one = |id: &str| {
        let call = call("get", &format!(r#"{{"id":"{id}"}}"#));
        call.replace(r#""id":"x""#, &format!(r#""id":"of {id}""#))
    };
    let ping = r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#;
    let body = format!("[{},{ping},{}]", one("a"), one("b"));
    let (claims, records) = asserted(&gate, fixture::claims(), &body);
    let (claims, ids) = (claims.unwrap(), [&records[0].id, &records[1].id]);
    let calls = claims["calls"].as_array().unwrap();
    assert_eq!(calls.iter().map(|call| &call["id"]).collect::<Vec<_>>(), ids);
    assert_eq!(calls[1]["arguments_digest"], json!(Digest::of(&json!({ "id": "b" }))));
    assert_eq!(claims["jti"], json!(ids[0]));
    let (claims, _) = asserted(&gate, fixture::claims(), ping);
    assert_eq!(claims.unwrap()["calls"], json!([]), "it runs nothing");
}

#[test]
fn a_server_knows_its_own_names() {
    let gate = asserting(|document| {
        let pay = &mut document["manifest"]["servers"]["pay"];
        pay["audience"] = json!("urn:pay");
        pay["tools"]["look"] = json!({ "name": "get" });
        document["layers"]["org"][0]["source"] =
            json!(r#"@id("reads") permit (principal, action == Action::"pay/look", resource);"#);
    });
    let (claims, _) = asserted(&gate, fixture::claims(), &call("get", r#"{"id":"a"}"#));
    let claims = claims.unwrap();
    assert_eq!(claims["aud"], "urn:pay");
    assert_eq!(
        [&claims["calls"][0]["tool"], &claims["calls"][0]["tool_name"]],
        ["pay/look", "get"]
    );
}

#[test]
fn nothing_is_asserted_that_was_not_decided() {
    let refused_call = call("refund", r#"{"amount":501}"#);
    let shadow = asserting(|document| document["manifest"]["mode"] = json!("shadow"));
    for body in [&refused_call, &call("get", r#"{"id":"a"}"#), "?"] {
        assert_eq!(asserted(&shadow, fixture::claims(), body).0, None, "{body}");
    }
    let gate = asserting(|_| ());
    refused(run(&gate, &POST, Some(fixture::claims()), refused_call.as_bytes()));
    let plain = fixture::gate().signing_with(KEY.parse().unwrap());
    assert_eq!(asserted(&plain, fixture::claims(), &call("get", r#"{"id":"a"}"#)).0, None);
}

#[test]
fn another_key_signs_after_a_rotation() {
    let both: Signer = format!("{OTHER} {KEY}").parse().unwrap();
    let gate = asserting(|_| ()).signing_with(both);
    let forward = forwarded(run(
        &gate,
        &POST,
        Some(fixture::claims()),
        call("get", r#"{"id":"a"}"#).as_bytes(),
    ));
    let jws = assertion(&forward.headers).unwrap();
    let (other, old): (Signer, Signer) = (OTHER.parse().unwrap(), KEY.parse().unwrap());
    assert!(other.verify::<Value>(TYPE, jws).is_ok());
    assert!(old.verify::<Value>(TYPE, jws).is_err());
}

#[test]
fn a_call_that_cannot_be_asserted_is_refused() {
    let long = "x".repeat(crate::jose::LONGEST);
    let mut claims = fixture::claims();
    claims["txn"] = json!(long);
    let body = call("get", r#"{"id":"a"}"#);
    let (refusal, _) = refused(run(&asserting(|_| ()), &POST, Some(claims), body.as_bytes()));
    let [record] = &refusal.records[..] else { panic!() };
    assert_eq!(record.reason, Reason::Internal);
    assert!(record.detail.as_ref().unwrap().contains("longer than 32768 bytes"));
}

/// JSON as somebody might write it.
fn spelled() -> impl Strategy<Value = String> {
    // Not an integer beyond 2^53: a server refuses it, since its digest is that of others too.
    let number = "-?(0|[1-9][0-9]{0,14})|-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,9}|(\\.[0-9]{1,9})?[eE][+-]?[0-9]{1,2})";
    let text = r#"([ -!#-\[\]-~é€😀]|\\[nt"/\\bfr]|\\u00[2-7][0-9a-f]|\\ud83d\\ude00){0,8}"#;
    let leaf = prop_oneof![
        3 => number.prop_filter("no -0", |it| it.parse::<f64>().is_ok_and(|it| it != 0.0 || !it.is_sign_negative())),
        2 => text.prop_map(|it| format!("\"{it}\"")),
        1 => prop::sample::select(vec!["null".to_owned(), "true".to_owned(), "1E400".to_owned()]),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let members = prop::collection::btree_map(text, inner.clone(), 0..4);
        let object = |it: std::collections::BTreeMap<String, String>| {
            // Not in the order of the canonical form.
            let members = it.iter().rev().map(|(name, value)| format!("\"{name}\" : {value}"));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(" ,"))
        };
        let array = |it: Vec<String>| format!("[{}\n]", it.join(", "));
        prop_oneof![members.prop_map(object), prop::collection::vec(inner, 0..4).prop_map(array)]
    })
}

/// What a server computes from the bytes that it gets, with the packages that it has, is what the gate
/// asserts.
#[test]
fn a_server_computes_the_same_digest() {
    let gate = asserting(|document| {
        let tools = &mut document["manifest"]["servers"]["pay"]["tools"];
        tools["refund"]["opaque"] = json!(["note"]);
    });
    proptest!(|(note in spelled())| {
        let body = call("refund", &format!(r#"{{"note":{note},"amount":1}}"#));
        let step = run(&gate, &POST, Some(fixture::claims()), body.as_bytes());
        let Step::Done(Effects { ending: Ending::Forward(_), headers, .. }) = step else {
            return Ok(());
        };
        let signer: Signer = KEY.parse().unwrap();
        let claims: Value = signer.verify(TYPE, assertion(&headers).unwrap()).unwrap();
        let read: Value = serde_json::from_str(&body).unwrap();
        let arguments = &read["params"]["arguments"];
        let digest = Digest::of_bytes(&serde_json_canonicalizer::to_vec(arguments).unwrap());
        prop_assert_eq!(&claims["calls"][0]["arguments_digest"], &json!(digest));
    });
}
