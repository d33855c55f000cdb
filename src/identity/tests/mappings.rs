//! What a bundle can say about tokens of different providers.

use super::*;

/// Identifies with one mapping of principals, or several, and members of the actor's mapping.
fn mapped(
    principal: &Value,
    actor: &Value,
    token: (&str, &Value),
    peer: Option<&str>,
) -> Result<Identity, IdentityError> {
    let mut mapping =
        json!({ "principal": principal, "actor": { "type": "Agent", "required": false } });
    mapping["actor"].as_object_mut().unwrap().extend(actor.as_object().unwrap().clone());
    identify_as(mapping, &[(token.0, token.1.clone())], peer)
}

fn parents_of(parent: &Value, claims: &Value) -> Result<Vec<String>, String> {
    let principal = json!({ "tokens": ["t"], "type": "User", "parents": [parent] });
    let identity = mapped(&principal, &json!({}), ("t", claims), None);
    identity.map(|it| it.principal.parents.into_iter().collect()).map_err(|e| e.to_string())
}

#[test]
fn roles_in_every_form() {
    let is_not = |claim: &str, what: &str| Err(format!("claim `{claim}` is not {what}"));
    let (words, keys) = ("a string of words", "an object whose members are all present");
    for (form, roles, outcome) in [
        ("list", json!(["rep", "boss"]), Ok("boss rep")),
        ("list", json!("rep boss"), Ok("rep boss")),
        ("words", json!(" rep  boss "), Ok("boss rep")),
        ("words", json!(""), Ok("")),
        ("words", json!(["rep"]), Err(words)),
        ("words", json!({}), Err(words)),
        ("keys", json!({ "rep": { "org-1": "acme.example" }, "boss": {} }), Ok("boss rep")),
        ("keys", json!({ "rep": true, "boss": 1 }), Ok("boss rep")),
        ("keys", json!({}), Ok("")),
        ("keys", json!({ "rep": {}, "boss": null }), Err(keys)),
        ("keys", json!({ "rep": {}, "boss": false }), Err(keys)),
        ("keys", json!({ "rep": {}, "boss": 0 }), Err(keys)),
        ("keys", json!({ "rep": {}, "boss": "" }), Err(keys)),
        ("keys", json!({ "rep": {}, "boss": [] }), Err(keys)),
        ("keys", json!({ "": {} }), Err(keys)),
        ("keys", json!(["rep"]), Err(keys)),
        ("keys", json!("rep"), Err(keys)),
    ] {
        let parent = json!({ "claim": "r", "type": "Role", "form": form });
        let expected = match outcome {
            Ok("rep boss") => Ok(vec!["Role::\"rep boss\"".to_owned()]),
            Ok(ids) => Ok(ids.split_whitespace().map(|id| format!("Role::{id:?}")).collect()),
            Err(what) => is_not("r", what),
        };
        assert_eq!(
            parents_of(&parent, &json!({ "sub": "ann", "r": roles })),
            expected,
            "{form} {roles}"
        );
    }
    let optional = json!({ "claim": "r", "type": "Role", "form": "keys", "optional": true });
    assert_eq!(parents_of(&optional, &json!({ "sub": "ann" })), Ok(vec![]));
    assert!(parents_of(&optional, &json!({ "sub": "ann", "r": [] })).is_err());
    let nested = json!({ "claim": "/r/x.y", "type": "Role", "optional": true });
    assert_eq!(parents_of(&nested, &json!({ "sub": "ann", "r": {} })), Ok(vec![]));
    assert_eq!(
        parents_of(&nested, &json!({ "sub": "ann", "r": "x.y" })),
        is_not("/r/x.y", "in an object")
    );
}

#[test]
fn teams_and_attributes_have_forms() {
    let principal = json!({
        "tokens": ["t"], "type": "User",
        "teams": { "claim": "t", "form": "words" },
        "attributes": { "apps": { "claim": "a", "type": "Set<String>", "form": "keys" } },
    });
    let of = |claims: &Value| mapped(&principal, &json!({}), ("t", claims), None);
    let identity = of(&json!({ "sub": "ann", "t": "red blue", "a": { "x": {}, "y": 1 } })).unwrap();
    assert_eq!(json!(identity.principal.teams), json!(["blue", "red"]));
    assert_eq!(json!(identity.principal.attributes), json!({ "apps": ["x", "y"] }));
    let message = "claim `a` is not an object whose members are all present";
    refused(of(&json!({ "sub": "ann", "t": "", "a": ["x"] })), message, Reason::InvalidIdentity);
    let message = "claim `t` is not a string of words";
    refused(of(&json!({ "sub": "ann", "t": ["red"], "a": {} })), message, Reason::InvalidIdentity);
}

#[test]
fn every_token_and_issuer_has_its_own_mapping() {
    let principal = json!([
        { "tokens": ["employees"], "type": "User", "id": "oid", "parents": [{ "claim": "roles", "type": "Role" }] },
        { "tokens": ["extern"], "issuers": ["https://a", "https://b"], "type": "Guest" },
        { "tokens": ["extern"], "issuers": ["https://c"], "type": "Guest", "qualify_by_issuer": true },
    ]);
    let of = |name: &str, claims: Value| mapped(&principal, &json!({}), (name, &claims), None);
    let who = |name: &str, claims: Value| {
        let principal = of(name, claims).unwrap().principal;
        format!("{}::{}", principal.type_name, principal.id)
    };
    assert_eq!(who("employees", json!({ "oid": "u1", "sub": "x", "roles": [] })), "User::u1");
    assert_eq!(who("extern", json!({ "iss": "https://b", "sub": "ann" })), "Guest::ann");
    assert_eq!(who("extern", json!({ "iss": "https://c", "sub": "ann" })), "Guest::https://c|ann");
    let message = "claim `oid` is missing";
    refused(of("employees", json!({ "sub": "u1" })), message, Reason::InvalidIdentity);
    let message = "the token `extern` has an issuer that the bundle does not map";
    for issuer in [json!("https://d"), json!("https://c/"), json!(["https://c"]), Value::Null] {
        let outcome = of("extern", json!({ "iss": issuer, "sub": "ann" }));
        refused(outcome, message, Reason::InvalidIdentity);
    }
    let mapping =
        json!({ "principal": principal, "actor": { "type": "Agent", "required": false } });
    let both = [
        ("employees", json!({ "oid": "u1", "roles": [] })),
        ("extern", json!({ "iss": "https://a", "sub": "ann" })),
    ];
    let message = "the request carries the tokens `employees` and `extern`, and only one may name the principal";
    refused(identify_as(mapping, &both, None), message, Reason::IdentityMismatch);
}

fn actor(actor: &Value, claims: Value, peer: Option<&str>) -> Result<Option<String>, String> {
    let Value::Object(mut claims) = claims else { panic!() };
    claims.insert("sub".to_owned(), json!("ann"));
    let token = Value::Object(claims);
    let principal = json!([{ "tokens": ["t"], "type": "User" }, { "tokens": ["u"], "type": "User", "actor": "cid" }]);
    let identity = mapped(&principal, actor, ("t", &token), peer);
    identity.map(|it| it.actor.map(|a| a.chain.join(" "))).map_err(|e| e.to_string())
}

#[test]
fn claims_name_the_actor_after_act_and_before_the_certificate() {
    let one = json!({ "claim": "azp", "required": true });
    let list = json!({ "claim": ["azp", "client.id"] });
    let none = "no verified claim and no verified peer certificate names an actor";
    let ok = |name: &str| Ok(Some(name.to_owned()));
    assert_eq!(actor(&one, json!({ "azp": "copilot" }), None), ok("copilot"));
    assert_eq!(actor(&one, json!({ "appid": "copilot", "azp": null }), None), Err(none.to_owned()));
    assert_eq!(actor(&one, json!({ "azp": "copilot" }), Some(SPIFFE)), ok("copilot"));
    assert_eq!(actor(&one, json!({}), Some(SPIFFE)), ok(SPIFFE));
    let delegated =
        json!({ "azp": "copilot", "act": { "sub": "bot", "act": { "sub": "planner" } } });
    assert_eq!(actor(&one, delegated, None), ok("bot planner"));
    assert_eq!(actor(&list, json!({ "client": { "id": "copilot" } }), None), ok("copilot"));
    let twice = |other: &str| json!({ "azp": "copilot", "client": { "id": other } });
    assert_eq!(actor(&list, twice("copilot"), None), ok("copilot"));
    let differ = "claim `azp` and claim `client.id` name different actors";
    assert_eq!(actor(&list, twice("other"), None), Err(differ.to_owned()));
    for bad in [json!(7), json!(""), json!(["copilot"]), json!({})] {
        let message = "claim `azp` is not a non-empty string".to_owned();
        assert_eq!(actor(&one, json!({ "azp": bad, "act": { "sub": "bot" } }), None), Err(message));
    }
}

#[test]
fn actors_must_match_where_the_bundle_says_so() {
    let claims = json!({ "azp": "bot", "act": { "sub": "bot", "act": { "sub": "planner" } } });
    let other = json!({ "azp": "copilot", "act": { "sub": "bot" } });
    let must = json!({ "claim": "azp", "must_match_claim": true });
    assert_eq!(actor(&must, claims, None), Ok(Some("bot planner".to_owned())));
    let message = "the `act` claim and claim `azp` name different actors";
    assert_eq!(actor(&must, other, None), Err(message.to_owned()));
    assert_eq!(actor(&must, json!({ "azp": "copilot" }), None), Ok(Some("copilot".to_owned())));
    assert_eq!(actor(&must, json!({ "act": { "sub": "bot" } }), None), Ok(Some("bot".to_owned())));

    let must = json!({ "claim": "azp", "must_match_spiffe": true, "spiffe": { SPIFFE: "bot" } });
    assert_eq!(actor(&must, json!({ "azp": "bot" }), Some(SPIFFE)), Ok(Some("bot".to_owned())));
    let message = "claim `azp` and the peer certificate name different actors";
    let outcome = actor(&must, json!({ "azp": "copilot" }), Some(SPIFFE));
    assert_eq!(outcome, Err(message.to_owned()));
}

#[test]
fn a_mapping_of_principals_may_name_its_own_actor_claims() {
    let principal = json!([{ "tokens": ["t"], "type": "User" }, { "tokens": ["u"], "type": "User", "actor": ["cid"] }]);
    let claims = json!({ "sub": "ann", "azp": "a", "cid": "c" });
    for (token, expected) in [("t", "a"), ("u", "c")] {
        let identity = mapped(&principal, &json!({ "claim": "azp" }), (token, &claims), None);
        assert_eq!(identity.unwrap().actor.unwrap().id, expected);
    }
}

#[test]
fn a_token_must_have_what_the_bundle_requires() {
    let principal = json!({ "tokens": ["t"], "type": "User", "require": [
        { "claim": "client_id", "values": ["app-1", "app-2"] },
        { "claim": "checks.email", "values": [true] },
    ] });
    let of = |client: Value, email: Value| {
        let claims = json!({ "sub": "ann", "client_id": client, "checks": { "email": email } });
        mapped(&principal, &json!({}), ("t", &claims), None)
    };
    assert!(of(json!("app-2"), json!(true)).is_ok());
    assert!(of(json!(["other", "app-1"]), json!(true)).is_ok());
    let other =
        |claim: &str| format!("claim `{claim}` has none of the values that the bundle requires");
    for client in
        [json!("app-3"), json!("app-1 app-2"), json!([]), json!({ "app-1": 1 }), json!(true)]
    {
        refused(of(client, json!(true)), &other("client_id"), Reason::InvalidIdentity);
    }
    for email in [json!(false), json!("true"), json!(1)] {
        refused(of(json!("app-1"), email), &other("checks.email"), Reason::InvalidIdentity);
    }
    let message = "claim `client_id` is missing";
    refused(of(Value::Null, json!(true)), message, Reason::InvalidIdentity);
}

#[test]
fn a_token_that_says_that_it_leaves_something_out_is_refused() {
    let principal = json!({
        "tokens": ["t"], "type": "User", "refuse_if": ["_claim_names.groups", "hasgroups"],
        "parents": [{ "claim": "groups", "type": "Group", "optional": true }],
    });
    let of = |changes: &Value| {
        let mut claims = json!({ "sub": "ann" });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        mapped(&principal, &json!({}), ("t", &claims), None)
    };
    for complete in [
        json!({}),
        json!({ "groups": ["g"] }),
        json!({ "_claim_names": { "photo": "src1" }, "hasgroups": false }),
        json!({ "_claim_names": null }),
    ] {
        assert!(of(&complete).is_ok(), "{complete}");
    }
    let names = "the bundle refuses tokens with the claim `_claim_names.groups`";
    for incomplete in
        [json!({ "groups": "src1" }), json!("{\"groups\":\"src1\"}"), json!(["groups"])]
    {
        let outcome = of(&json!({ "groups": ["g"], "_claim_names": incomplete }));
        refused(outcome, names, Reason::InvalidIdentity);
    }
    let flag = "the bundle refuses tokens with the claim `hasgroups`";
    for value in [json!(true), json!("true"), json!(1)] {
        refused(of(&json!({ "hasgroups": value })), flag, Reason::InvalidIdentity);
    }
}
