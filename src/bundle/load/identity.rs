//! Checks of the identity section that its types cannot express.

use crate::identity::{
    AttributeMapping, ClaimType, Form, IdentityMapping, OneOrSeveral, PrincipalMapping,
};

/// Reports every problem with its key in the manifest.
pub(super) fn problems(mapping: &IdentityMapping, error: &mut impl FnMut(&str, String)) {
    if mapping.workload.is_none() && mapping.principal.iter().all(|each| each.tokens.is_empty()) {
        error(&key(mapping, 0, "tokens"), "nothing names a principal".to_owned());
    }
    same_tokens(mapping, error);
    for (position, each) in mapping.principal.iter().enumerate() {
        let attributes = each.attributes.iter().filter(|(_, attribute)| !has_form(attribute));
        for (name, _) in attributes {
            let key = key(mapping, position, &format!("attributes.{name}.form"));
            error(&key, "only a claim of type `Set<String>` has a form".to_owned());
        }
        for (number, requirement) in each.require.iter().enumerate() {
            if requirement.values.is_empty() {
                let key = key(mapping, position, &format!("require.{number}.values"));
                error(&key, "without a value every token is refused".to_owned());
            }
        }
    }
    let named = |each| !mapping.actor_claims(each).is_empty();
    if mapping.actor.must_match_claim && !mapping.principal.iter().any(named) {
        let message = "no claim names an actor: name one in `identity.actor.claim`";
        error("identity.actor.must_match_claim", message.to_owned());
    }
}

/// Where several mappings read one token, its issuer must decide between them.
fn same_tokens(mapping: &IdentityMapping, error: &mut impl FnMut(&str, String)) {
    for (position, each) in mapping.principal.iter().enumerate() {
        for other in mapping.principal.iter().take(position).filter(|other| !apart(each, other)) {
            if let Some(token) = each.tokens.iter().find(|token| other.tokens.contains(token)) {
                let message = format!(
                    "another mapping is for the token `{token}` too: give each its own `issuers`"
                );
                error(&key(mapping, position, "issuers"), message);
            }
        }
    }
}

fn apart(one: &PrincipalMapping, other: &PrincipalMapping) -> bool {
    let limited = !one.issuers.is_empty() && !other.issuers.is_empty();
    limited && !one.issuers.iter().any(|issuer| other.issuers.contains(issuer))
}

fn has_form(attribute: &AttributeMapping) -> bool {
    attribute.form == Form::List || attribute.claim_type == ClaimType::Strings
}

/// The key of a member of a mapping.
fn key(mapping: &IdentityMapping, position: usize, member: &str) -> String {
    match mapping.principal {
        OneOrSeveral::One(_) => format!("identity.principal.{member}"),
        OneOrSeveral::Several(_) => format!("identity.principal.{position}.{member}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(principal: Value, actor: Value, expected: &[&str]) {
        let Value::Object(mut actor) = actor else { panic!() };
        actor.insert("type".to_owned(), json!("Agent"));
        let mut identity = json!({ "actor": actor });
        identity["principal"] = principal;
        let mapping: IdentityMapping = serde_json::from_value(identity).unwrap();
        let mut found = Vec::new();
        problems(&mapping, &mut |key, message| found.push(format!("{key}: {message}")));
        assert_eq!(found, expected);
    }

    fn of(tokens: &[&str], issuers: &[&str]) -> Value {
        json!({ "tokens": tokens, "type": "User", "issuers": issuers })
    }

    #[test]
    fn no_token_has_two_mappings() {
        let twice = "another mapping is for the token `a` too: give each its own `issuers`";
        let error = format!("identity.principal.1.issuers: {twice}");
        check(json!([of(&["a"], &[]), of(&["b"], &[])]), json!({}), &[]);
        check(json!([of(&["a"], &["x"]), of(&["b", "a"], &["y", "z"])]), json!({}), &[]);
        for [one, other] in [[&["x"][..], &["y", "x"]], [&[], &["x"]], [&["x"], &[]], [&[], &[]]] {
            check(json!([of(&["a"], one), of(&["b", "a"], other)]), json!({}), &[&error]);
        }
    }

    #[test]
    fn what_types_cannot_express() {
        check(
            json!({
                "tokens": [], "type": "User", "require": [{ "claim": "a", "values": [] }],
                "attributes": {
                    "a": { "claim": "a", "type": "String", "form": "words" },
                    "b": { "claim": "b", "type": "Set<String>", "form": "words" },
                },
            }),
            json!({ "must_match_claim": true }),
            &[
                "identity.principal.tokens: nothing names a principal",
                "identity.principal.attributes.a.form: only a claim of type `Set<String>` has a form",
                "identity.principal.require.0.values: without a value every token is refused",
                "identity.actor.must_match_claim: no claim names an actor: name one in `identity.actor.claim`",
            ],
        );
        let own = json!([{ "tokens": ["a"], "type": "User", "actor": "cid" }]);
        check(own, json!({ "must_match_claim": true }), &[]);
    }
}
