//! Scopes that clients are told to ask for.

use super::*;

fn stepping_up(scopes: &[&str]) -> Value {
    let mut document = document();
    document["manifest"]["refusal"] = json!({
        "step_up": scopes, "resource_metadata": "https://tools/.well-known/oauth-protected-resource",
    });
    document
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
    for batch in [
        format!("[{},{}]", refund(5), refund(5).replace("\"x\"", "\"y\"")),
        format!("[{}]", refund(5)),
    ] {
        let (refusal, _) = refused(decided(&gate, &tokens, &batch));
        assert_eq!(refusal.reply.status, 200);
    }
    // Whoever asks for the scopes that are named, and no others, would lose one that is not offered.
    let mut document = stepping_up(&["refund"]);
    let keeps = "@id(\"keeps\") forbid (principal, action == Action::\"pay/refund\", resource) \
                 unless { context.token.scopes.contains(\"kept\") };";
    document["layers"]["org"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "keeps", "source": keeps }));
    let tokens = json!({ "session": session("kept") });
    let (refusal, _) = refused(decided(&gate_of(&document), &tokens, &refund(5)));
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

/// There are more sets of 32 scopes than can ever be tried.
#[test]
fn a_token_with_all_scopes_is_refused_at_once() {
    let offered: Vec<String> = (0..32).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = offered.iter().map(String::as_str).collect();
    let mut document = stepping_up(&names);
    document["manifest"]["servers"]["pay"]["tools"]["refund"]["scopes"] = json!([]);
    let never = "@id(\"never\") forbid (principal, action == Action::\"pay/refund\", resource) \
                 when { context.token.scopes.contains(\"s1\") };";
    document["layers"]["org"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "never", "source": never }));
    let tokens = json!({ "session": session(&offered.join(" ")) });
    let (refusal, _) = refused(decided(&gate_of(&document), &tokens, &refund(5)));
    assert_eq!((refusal.reply.status, refusal.records[0].reason), (200, Reason::Forbidden));
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
