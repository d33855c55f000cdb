//! Rebuilds claims from a recorded identity, so that a bundle maps them to the same principal,
//! actors and token.
//!
//! Identities are rebuilt by the same function as in the filter: nothing else can create one.

use cedar_policy::EntityUid;
use serde_json::{Value, json};

use super::line::{PrincipalField, Recorded, TokenField};
use crate::cli::input::cases::Identity;
use crate::cli::output::report::Problem;
use crate::identity::{self, ClaimType, IdentityMapping, PrincipalMapping};
use crate::json::REDACTED;

/// An identity restored from a record.
#[derive(Debug)]
pub(in crate::cli) struct Restored {
    pub(in crate::cli) identity: Identity,
    /// The principal's attributes whose values the record withholds; placeholders replace them.
    pub(in crate::cli) withheld: Vec<String>,
    /// The attributes that this bundle maps and the record lacks. Under the bundle that made the
    /// decision, the principal has none of them; another bundle may have mapped others.
    pub(in crate::cli) unsaid: Vec<String>,
}

/// Restores the identity of a record, under a mapping that may differ from the recorded one.
pub(in crate::cli) fn restore(
    recorded: &Recorded,
    mapping: &IdentityMapping,
) -> Result<Restored, Problem> {
    let principal = recorded.principal.as_ref();
    let principal = principal.ok_or_else(|| Problem::new("the record names no principal"))?;
    let (identity, withheld) = match &recorded.token {
        Some(token) => with_token(recorded, principal, token, mapping),
        None => (Identity { tokens: [].into(), spiffe: Some(principal.id.clone()) }, Vec::new()),
    };
    let found = identity::identify(mapping, &identity.attested()).map_err(|error| {
        Problem::new(format!("the record does not hold what this bundle asks for: {error}"))
    })?;
    if let Some(what) = difference(recorded, principal, &found, &mapping.principal) {
        let message = format!("this bundle gives the recorded identity another {what}");
        return Err(Problem::new(message));
    }
    let unsaid = |name: &&String| !found.principal.attributes.contains_key(*name);
    let unsaid = match &recorded.token {
        Some(_) => mapping.principal.attributes.keys().filter(unsaid).cloned().collect(),
        None => Vec::new(),
    };
    Ok(Restored { identity, withheld, unsaid })
}

fn with_token(
    recorded: &Recorded,
    principal: &PrincipalField,
    token: &TokenField,
    mapping: &IdentityMapping,
) -> (Identity, Vec<String>) {
    let mut claims = registered(recorded, token);
    let mapping = &mapping.principal;
    restore_principal(principal, token, mapping, &mut claims);
    let withheld = restore_attributes(principal, mapping, &mut claims);
    let tokens = mapping.tokens.first().map(|name| (name.clone(), claims));
    (Identity { tokens: tokens.into_iter().collect(), spiffe: None }, withheld)
}

/// The claims whose names do not depend on the bundle.
fn registered(recorded: &Recorded, token: &TokenField) -> Value {
    let chain = recorded.actor.as_ref().map(|actor| actor.chain.as_slice()).unwrap_or_default();
    let act =
        chain.iter().rev().fold(Value::Null, |earlier, id| json!({ "sub": id, "act": earlier }));
    json!({
        "iss": token.issuer,
        "scope": scope(&token.scopes),
        "exp": token.expires.map(|time| time.timestamp()),
        "txn": recorded.txn,
        "act": act,
    })
}

/// The scopes separated by spaces, or as a list if one of them is not a single word. Without any
/// scope the claim is null, which equals an absent one.
fn scope(scopes: &[String]) -> Value {
    let is_word = |scope: &String| !scope.is_empty() && !scope.contains(char::is_whitespace);
    if scopes.is_empty() {
        Value::Null
    } else if scopes.iter().all(is_word) {
        json!(scopes.join(" "))
    } else {
        json!(scopes)
    }
}

fn restore_principal(
    principal: &PrincipalField,
    token: &TokenField,
    mapping: &PrincipalMapping,
    claims: &mut Value,
) {
    for parent in &mapping.parents {
        let of_type =
            principal.parents.iter().filter(|uid| uid.type_name() == parent.entity_type.as_cedar());
        let ids: Vec<&str> = of_type.map(|uid| uid.id().unescaped()).collect();
        if !(ids.is_empty() && parent.optional) {
            put(claims, parent.claim.steps(), json!(ids));
        }
    }
    if let Some(claim) = &mapping.teams {
        put(claims, claim.steps(), json!(principal.teams));
    }
    if let Some(claim) = &mapping.tenant {
        put(claims, claim.steps(), json!(principal.tenant));
    }
    let issuer = token.issuer.as_deref().filter(|_| mapping.qualify_by_issuer);
    let id = issuer.and_then(|issuer| principal.id.strip_prefix(issuer)?.strip_prefix('|'));
    put(claims, mapping.id.steps(), json!(id.unwrap_or(&principal.id)));
}

/// Attributes come last, since their types are the strictest: a list with one parent may have to
/// become a string.
fn restore_attributes(
    principal: &PrincipalField,
    mapping: &PrincipalMapping,
    claims: &mut Value,
) -> Vec<String> {
    let mut withheld = Vec::new();
    for (name, attribute) in &mapping.attributes {
        let Some(value) = principal.attributes.get(name) else { continue };
        let known = attribute.claim.find(claims).is_some();
        if value != REDACTED {
            put(claims, attribute.claim.steps(), value.clone());
            continue;
        }
        withheld.push(name.clone());
        if !known {
            put(claims, attribute.claim.steps(), stand_in(attribute.claim_type));
        }
    }
    withheld
}

fn stand_in(claim_type: ClaimType) -> Value {
    match claim_type {
        ClaimType::String => json!(REDACTED),
        ClaimType::Bool => json!(false),
        ClaimType::Long => json!(0),
        ClaimType::Strings => json!([]),
    }
}

/// Sets a claim. If a value on its path is not an object, the claim is left unchanged and reported
/// missing when the identity is built.
fn put(claims: &mut Value, path: &[String], value: Value) {
    let Some((last, outer)) = path.split_last() else { return };
    let inner = outer.iter().try_fold(claims, |value, step| {
        let members = value.as_object_mut()?;
        Some(members.entry(step).or_insert_with(|| json!({})))
    });
    if let Some(members) = inner.and_then(Value::as_object_mut) {
        members.insert(last.clone(), value);
    }
}

/// The part of the record that the bundle does not map from the claims, limited to what the bundle
/// maps.
fn difference(
    recorded: &Recorded,
    principal: &PrincipalField,
    found: &identity::Identity,
    mapping: &PrincipalMapping,
) -> Option<&'static str> {
    let mapped = |uid: &&EntityUid| {
        mapping.parents.iter().any(|parent| parent.entity_type.as_cedar() == uid.type_name())
    };
    let parents = principal.parents.iter().filter(mapped).map(ToString::to_string).collect();
    let differs = |(name, found): (&String, &Value)| {
        let shown = principal.attributes.get(name);
        found != REDACTED && shown.is_some_and(|shown| shown != REDACTED && shown != found)
    };
    if !recorded.is_by(found) {
        Some("principal or actor")
    } else if found.principal.parents != parents {
        Some("set of parents")
    } else if found.principal.attributes.iter().any(differs) {
        Some("attribute")
    } else if found.principal.tenant != principal.tenant || found.principal.teams != principal.teams
    {
        Some("tenant or team")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
