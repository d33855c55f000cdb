mod delegation;
mod mappings;

use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::reason::Reason;

const SPIFFE: &str = "spiffe://acme.example/agent/bot";

fn mapping() -> Value {
    json!({
        "principal": {
            "tokens": ["session", "partner"],
            "type": "User",
            "attributes": {
                "tenant": { "claim": "org.tenant", "type": "String" },
                "level": { "claim": "level", "type": "Long", "optional": true },
                "vip": { "claim": "vip", "type": "Bool", "optional": true },
                "tags": { "claim": "/https:~1~1acme.example~1tags", "type": "Set<String>", "optional": true }
            },
            "parents": [
                { "claim": "roles", "type": "Role" },
                { "claim": "groups", "type": "Group", "optional": true }
            ],
            "tenant": "org.tenant"
        },
        "workload": { "type": "Workload" },
        "actor": { "type": "Agent", "max_depth": 2, "must_match_spiffe": true, "spiffe": { SPIFFE: "bot" } }
    })
}

fn claims() -> Value {
    json!({ "sub": "alice", "org": { "tenant": "acme" }, "roles": ["rep"], "act": { "sub": "bot" } })
}

/// Identifies with the usual claims overridden by `changes`.
fn with(changes: Value) -> Result<Identity, IdentityError> {
    let mut token = claims();
    let (Some(token_map), Value::Object(changes)) = (token.as_object_mut(), changes) else {
        panic!()
    };
    token_map.extend(changes);
    identify_as(mapping(), &[("session", token)], None)
}

fn identify_as(
    mapping: Value,
    tokens: &[(&str, Value)],
    spiffe_id: Option<&str>,
) -> Result<Identity, IdentityError> {
    let mapping: IdentityMapping = serde_json::from_value(mapping).unwrap();
    let tokens = tokens.iter().map(|(name, token)| ((*name).to_owned(), token.clone())).collect();
    identify(&mapping, &Attested { tokens, peer: spiffe_id.map(certificate) })
}

/// A certificate with these URIs, separated by commas.
fn certificate(uris: &str) -> Certificate {
    Certificate::listed(Some(uris))
}

#[track_caller]
fn refused(outcome: Result<Identity, IdentityError>, message: &str, reason: Reason) {
    let error = outcome.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.reason()), (message, reason));
}

#[test]
fn principal_with_attributes_and_parents() {
    let identity = with(json!({
        "level": 3.0, "vip": true, "https://acme.example/tags": ["a"], "groups": "staff"
    }))
    .unwrap();
    let Principal { entity, type_name, id, tenant, .. } = identity.principal;
    assert_eq!(
        (type_name.as_str(), id.as_str(), tenant.as_deref()),
        ("User", "alice", Some("acme"))
    );
    let json = entity.to_json_value().unwrap();
    assert_eq!(json["attrs"], json!({ "tenant": "acme", "level": 3, "vip": true, "tags": ["a"] }));
    assert_eq!(json["parents"].as_array().unwrap().len(), 2);
}

#[test]
fn what_records_show_of_a_principal() {
    let mut mapping = mapping();
    mapping["principal"]["attributes"]["tags"]["redact"] = json!(true);
    mapping["principal"]["attributes"]["vip"]["redact"] = json!(true);
    let claims = json!({
        "sub": "alice", "org": { "tenant": "acme" }, "roles": ["rep", "boss", "rep"], "groups": "o'clock",
        "level": 3.0, "https://acme.example/tags": ["b", "a", "b"], "act": { "sub": "bot" }, "jti": "j-1",
    });
    let identity = identify_as(mapping, &[("session", claims.clone())], None).unwrap();
    let Principal { parents, attributes, .. } = identity.principal;
    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    assert_eq!(parents, [r#"Group::"o\'clock""#, r#"Role::"boss""#, r#"Role::"rep""#]);
    for parent in parents {
        assert!(parent.parse::<EntityUid>().is_ok(), "{parent}");
    }
    // An absent claim has no value to redact.
    assert_eq!(json!(attributes), json!({ "tenant": "acme", "level": 3, "tags": "[redacted]" }));
    let token = identity.token.unwrap();
    assert_eq!((token.id.as_deref(), token.claims_digest), (Some("j-1"), Digest::of(&claims)));
    let other = with(json!({ "jti": 1 }));
    refused(other, "claim `jti` is not a string", Reason::InvalidIdentity);
}

#[test]
fn absent_and_null_optional_claims_are_the_same() {
    assert!(
        with(json!({ "level": null, "groups": null, "act": { "sub": "bot", "act": null } }))
            .is_ok()
    );
}

#[test]
fn ill_typed_claims_are_refused() {
    let ill = |claim: &str, expected: &str| format!("claim `{claim}` is not {expected}");
    let cases = [
        (json!({ "sub": 7 }), ill("sub", "a non-empty string")),
        (json!({ "sub": "" }), ill("sub", "a non-empty string")),
        (json!({ "sub": ["alice"] }), ill("sub", "a non-empty string")),
        (json!({ "level": 1.5 }), ill("level", "a whole number")),
        (json!({ "level": 9_007_199_254_740_992_i64 }), ill("level", "a whole number")),
        (json!({ "level": "3" }), ill("level", "a whole number")),
        (json!({ "vip": "true" }), ill("vip", "a boolean")),
        (json!({ "roles": { "rep": true } }), ill("roles", "a string or an array of strings")),
        (json!({ "roles": ["rep", 1] }), ill("roles", "a string or an array of strings")),
        (json!({ "roles": [null] }), ill("roles", "a string or an array of strings")),
        (
            json!({ "https://acme.example/tags": "a" }),
            ill("/https:~1~1acme.example~1tags", "an array of strings"),
        ),
        (json!({ "act": "bot" }), ill("act", "an object")),
        (json!({ "act": ["bot"] }), ill("act", "an object")),
        (json!({ "act": {} }), ill("act.sub", "a non-empty string")),
        (json!({ "act": { "sub": "bot", "act": 1 } }), ill("act", "an object")),
        (json!({ "scope": ["a", 1] }), ill("scope", "a string or an array of strings")),
        (json!({ "scp": 1 }), ill("scp", "a string or an array of strings")),
        (json!({ "exp": "soon" }), ill("exp", "a time in seconds")),
        (json!({ "exp": 1_795_219_200_000_i64 }), ill("exp", "a time in seconds")),
        (json!({ "txn": 1 }), ill("txn", "a string")),
        (json!({ "sub_profile": ["user"] }), ill("sub_profile", "a string of words")),
        (json!({ "client_profile": 1 }), ill("client_profile", "a string of words")),
    ];
    for (changes, message) in cases {
        refused(with(changes), &message, Reason::InvalidIdentity);
    }
}

#[test]
fn missing_claims_are_refused() {
    for (changes, claim) in [
        (json!({ "sub": null }), "sub"),
        (json!({ "org": null }), "org.tenant"),
        (json!({ "roles": null }), "roles"),
    ] {
        refused(with(changes), &format!("claim `{claim}` is missing"), Reason::InvalidIdentity);
    }
    let message = "claim `org.tenant` is not in an object";
    refused(with(json!({ "org": "acme" })), message, Reason::InvalidIdentity);
}

#[test]
fn delegation_chain_is_current_actor_first() {
    let identity = with(json!({ "act": { "sub": "bot", "act": { "sub": "planner" } } })).unwrap();
    let actor = identity.actor.unwrap();
    assert_eq!(
        (actor.id.as_str(), actor.chain),
        ("bot", vec!["bot".to_owned(), "planner".to_owned()])
    );
    let deeper = json!({ "act": { "sub": "a", "act": { "sub": "b", "act": { "sub": "c" } } } });
    refused(with(deeper), "the delegation chain is longer than 2", Reason::InvalidIdentity);
}

#[test]
fn exactly_one_token_names_the_principal() {
    let both = [("session", claims()), ("partner", claims())];
    let message = "the request carries the tokens `session` and `partner`, and only one may name the principal";
    refused(identify_as(mapping(), &both, None), message, Reason::IdentityMismatch);
    assert!(identify_as(mapping(), &[("partner", claims())], None).is_ok());
    let other = identify_as(mapping(), &[("unlisted", claims())], None);
    let message =
        "no verified token under `session` or `partner`, and no verified peer certificate";
    refused(other, message, Reason::Unauthenticated);
}

#[test]
fn the_peer_certificate_names_actor_and_workload() {
    let mut claims = claims();
    claims["act"] = Value::Null;
    let token = [("session", claims.clone())];
    let by_peer = identify_as(mapping(), &token, Some(SPIFFE)).unwrap();
    assert_eq!(by_peer.actor.unwrap().id, "bot");
    let message = "no verified claim and no verified peer certificate names an actor";
    refused(identify_as(mapping(), &token, None), message, Reason::Unauthenticated);

    let workload = identify_as(mapping(), &[], Some("spiffe://other")).unwrap();
    assert_eq!(
        (workload.principal.type_name.as_str(), workload.principal.id.as_str()),
        ("Workload", "spiffe://other")
    );
    assert_eq!(workload.actor.unwrap().id, "spiffe://other");
}

#[test]
fn act_and_peer_certificate_must_agree_where_the_bundle_says_so() {
    let token = [("session", claims())];
    assert!(identify_as(mapping(), &token, Some(SPIFFE)).is_ok());
    assert!(identify_as(mapping(), &token, None).is_ok());
    let outcome = identify_as(mapping(), &token, Some("spiffe://acme.example/agent/other"));
    let message = "the `act` claim and the peer certificate name different actors";
    refused(outcome, message, Reason::IdentityMismatch);
}

/// Whatever a certificate is asked for, one that names no workload is refused.
#[test]
fn a_certificate_that_is_asked_names_one_workload() {
    let mut no_act = claims();
    no_act["act"] = Value::Null;
    let mut unasking = mapping();
    unasking["actor"]["must_match_spiffe"] = json!(false);
    let mut optional = unasking.clone();
    optional["actor"]["required"] = json!(false);
    let (token, no_act) = ([("session", claims())], [("session", no_act)]);
    let none = "the peer certificate has 0 URIs, and one SPIFFE id names a workload";
    let two = "the peer certificate has 2 URIs, and one SPIFFE id names a workload";
    let both = [SPIFFE, "spiffe://acme.example/agent/other"].join(",");
    for (uris, message) in [
        ("-", none),
        (both.as_str(), two),
        ("https://acme.example/", "the URI of the peer certificate is not a SPIFFE id"),
        ("", "the proxy does not tell all URIs of the peer certificate"),
    ] {
        for (mapping, tokens) in [
            // It is the principal, it must be the actor, or it would name the actor.
            (mapping(), &[][..]),
            (mapping(), &token),
            (unasking.clone(), &no_act),
            (optional.clone(), &no_act),
        ] {
            let outcome = identify_as(mapping, tokens, Some(uris));
            refused(outcome, message, Reason::InvalidIdentity);
        }
        assert!(identify_as(unasking.clone(), &token, Some(uris)).is_ok(), "{uris}");
    }
}

#[test]
fn qualified_ids_need_an_issuer() {
    let mut mapping = mapping();
    mapping["principal"]["qualify_by_issuer"] = json!(true);
    let mut claims = claims();
    refused(
        identify_as(mapping.clone(), &[("session", claims.clone())], None),
        "claim `iss` is missing",
        Reason::InvalidIdentity,
    );
    claims["iss"] = json!("https://id");
    let identity = identify_as(mapping, &[("session", claims)], None).unwrap();
    assert_eq!(identity.principal.id, "https://id|alice");
}

#[test]
fn scopes_come_from_either_claim() {
    assert_eq!(with(json!({ "scope": "a  b" })).unwrap().token.unwrap().scopes, ["a", "b"]);
    assert_eq!(with(json!({ "scope": ["a"] })).unwrap().token.unwrap().scopes, ["a"]);
    assert_eq!(with(json!({ "scp": ["a"] })).unwrap().token.unwrap().scopes, ["a"]);
    assert_eq!(with(json!({ "scp": "a b" })).unwrap().token.unwrap().scopes, ["a", "b"]);
}
