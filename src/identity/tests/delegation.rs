use super::*;

const AGENTS: &str = "https://agents.example";

fn qualified() -> Value {
    let mut mapping = mapping();
    mapping["actor"]["qualify_by_issuer"] = json!(true);
    mapping["actor"]["claim"] = json!("azp");
    mapping
}

/// The chain of a token with these changes, under a mapping that qualifies agents.
fn chain(changes: Value, spiffe_id: Option<&str>) -> Result<Vec<String>, IdentityError> {
    let mut token = claims();
    let (Some(members), Value::Object(changes)) = (token.as_object_mut(), changes) else {
        panic!()
    };
    members.extend(changes);
    let identity = identify_as(qualified(), &[("session", token)], spiffe_id)?;
    Ok(identity.actor.unwrap().chain)
}

#[test]
fn qualified_agents_are_those_of_an_issuer() {
    let act = json!({ "sub": "bot", "iss": AGENTS, "act": { "sub": "bot", "iss": "https://b" } });
    assert_eq!(
        chain(json!({ "act": act }), None).unwrap(),
        ["https://agents.example|bot", "https://b|bot"]
    );
    let by_claim = json!({ "act": null, "azp": "bot", "iss": AGENTS });
    assert_eq!(chain(by_claim, None).unwrap(), ["https://agents.example|bot"]);
    // The trust domain is in a SPIFFE id, and the bundle chooses other names.
    assert_eq!(chain(json!({ "act": null }), Some("spiffe://a/b")).unwrap(), ["spiffe://a/b"]);
    assert_eq!(chain(json!({ "act": null }), Some(SPIFFE)).unwrap(), ["bot"]);
    let refused = |changes, message: &str| {
        let error = chain(changes, None).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.reason()),
            (message, Reason::InvalidIdentity)
        );
    };
    let missing = "claim `act.iss` is missing";
    refused(json!({}), missing);
    refused(json!({ "act": { "sub": "bot", "iss": null } }), missing);
    refused(json!({ "act": { "sub": "bot", "iss": AGENTS, "act": { "sub": "b" } } }), missing);
    refused(json!({ "act": null, "azp": "bot" }), "claim `iss` is missing");
    let bar = json!({ "act": { "sub": "bot", "iss": "https://a|b" } });
    refused(bar, "claim `act.iss` is not an issuer without `|`");
}

#[test]
fn what_an_agent_says_of_itself_has_its_type() {
    let ill = |claim: &str, expected: &str| format!("claim `{claim}` is not {expected}");
    for (act, message) in [
        (json!({ "sub": "bot", "iss": 1 }), ill("act.iss", "a non-empty string")),
        (json!({ "sub": "bot", "iss": "" }), ill("act.iss", "a non-empty string")),
        (json!({ "sub": "bot", "sub_profile": 1 }), ill("act.sub_profile", "a string of words")),
        (
            json!({ "sub": "bot", "act": { "sub": "b", "sub_profile": ["ai_agent"] } }),
            ill("act.sub_profile", "a string of words"),
        ),
    ] {
        refused(with(json!({ "act": act })), &message, Reason::InvalidIdentity);
    }
}

#[test]
fn profiles_are_words() {
    let identity = with(json!({
        "sub_profile": "user", "client_profile": "web_app  service",
        "act": { "sub": "bot", "sub_profile": "ai_agent service", "act": { "sub": "old" } },
    }))
    .unwrap();
    let token = identity.token.unwrap();
    assert_eq!(
        json!([token.profiles, token.client_profiles, identity.actor.unwrap().profiles]),
        json!([["user"], ["service", "web_app"], [["ai_agent", "service"], []]])
    );
}

#[test]
fn may_act_names_who_may() {
    let act = |act: Value, may_act: Value| with(json!({ "act": act, "may_act": may_act }));
    let (bot, of_issuer) = (json!({ "sub": "bot" }), json!({ "sub": "bot", "iss": AGENTS }));
    for (current, named) in [
        (&bot, Value::Null),
        (&bot, bot.clone()),
        (&bot, of_issuer.clone()),
        (&of_issuer, bot.clone()),
        (&of_issuer, of_issuer.clone()),
        (&of_issuer, json!({ "sub": "bot", "iss": null, "client_id": 7 })),
        (&bot, json!([{ "sub": "other" }, bot])),
    ] {
        assert!(act(current.clone(), named.clone()).is_ok(), "{current} {named}");
    }
    let message = "the `may_act` claim does not name the actor";
    for (current, named) in [
        (&bot, json!({ "sub": "other" })),
        (&bot, json!([])),
        (&bot, json!([{ "sub": "a" }, { "sub": "b" }])),
        (&of_issuer, json!({ "sub": "bot", "iss": "https://other.example" })),
        // An earlier agent is not the current one.
        (&json!({ "sub": "bot", "act": { "sub": "old" } }), json!({ "sub": "old" })),
    ] {
        refused(act(current.clone(), named), message, Reason::IdentityMismatch);
    }
    let object = "claim `may_act` is not an object or an array of objects";
    let text = "claim `may_act.sub` is not a non-empty string";
    for (named, message) in [
        (json!("bot"), object),
        (json!([bot, "bot"]), object),
        (json!({}), text),
        (json!([bot, { "sub": 1 }]), text),
        (json!({ "sub": "bot", "iss": 1 }), "claim `may_act.iss` is not a non-empty string"),
    ] {
        refused(act(bot.clone(), named), message, Reason::InvalidIdentity);
    }
}

#[test]
fn may_act_holds_for_actors_by_claim_and_by_certificate() {
    let identified = |may_act: &str, azp: Value, spiffe_id| {
        let mut token = claims();
        token["act"] = Value::Null;
        token["iss"] = json!(AGENTS);
        token["azp"] = azp;
        token["may_act"] = json!({ "sub": may_act, "iss": AGENTS });
        identify_as(qualified(), &[("session", token)], spiffe_id).map(|_| ())
    };
    let refused = Err(IdentityError::MayNotAct);
    assert_eq!(identified("bot", json!("bot"), None), Ok(()));
    assert_eq!(identified("other", json!("bot"), None), refused);
    assert_eq!(identified("bot", Value::Null, Some(SPIFFE)), Ok(()));
    assert_eq!(identified("other", Value::Null, Some(SPIFFE)), refused);
}

/// A record has ids and profiles; the claims made of them name the same agents.
#[test]
fn a_chain_becomes_claims_again() {
    for (mapping, ids) in [(mapping(), ["a|b", "c"]), (qualified(), ["https://a|b|c", "x|y"])] {
        let is_qualified = mapping["actor"]["qualify_by_issuer"] == true;
        let chain = ids.map(|id| (id, vec!["ai_agent", "service"]));
        let mut token = claims();
        token["act"] = act(chain.into_iter(), is_qualified);
        let actor = identify_as(mapping, &[("session", token)], None).unwrap().actor.unwrap();
        assert_eq!(actor.chain, ids);
        assert!(actor.profiles.iter().all(|words| words.len() == 2));
    }
}
