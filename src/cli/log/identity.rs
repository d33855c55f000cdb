//! Rebuilds claims from a recorded identity, so that a bundle maps them to the same principal,
//! actors and token.
//!
//! Identities are rebuilt by the same function as in the filter: nothing else can create one.

use std::collections::BTreeMap;

use cedar_policy::EntityUid;
use serde_json::{Value, json};

use super::capability;
use super::claims::{put, restore_attributes, restore_required, scope};
use super::line::{PrincipalField, Recorded, TokenField};
use crate::cli::input::cases::Identity;
use crate::cli::output::report::Problem;
use crate::identity::{self, IdentityMapping, PrincipalMapping, Requirement};
use crate::json::REDACTED;

/// An identity restored from a record.
#[derive(Debug)]
pub(in crate::cli) struct Restored {
    pub(in crate::cli) identity: Identity,
    /// The attributes of the principal and of capabilities whose values the record withholds;
    /// placeholders replace them.
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
    let Some(token) = &recorded.token else { return workload(recorded, principal, mapping) };
    // A mapping for another token, or that leaves out something that was recorded, comes last: the
    // identity may only be similar.
    let mut mappings: Vec<&PrincipalMapping> = mapping.principal.iter().collect();
    mappings.sort_by_key(|each| (!token.is_one_of(&each.tokens), !maps_all(each, principal)));
    let mut failure = None;
    for each in mappings {
        match by_token(recorded, principal, token, (mapping, each)) {
            Ok(restored) => return Ok(restored),
            Err(problem) => failure = failure.or(Some(problem)),
        }
    }
    Err(failure.unwrap_or_else(|| Problem::new("the bundle reads no token")))
}

/// Whether a mapping can give everything that was recorded.
fn maps_all(mapping: &PrincipalMapping, principal: &PrincipalField) -> bool {
    principal.parents.iter().all(|uid| is_mapped(mapping, uid))
        && principal.attributes.keys().all(|name| mapping.attributes.contains_key(name))
}

fn is_mapped(mapping: &PrincipalMapping, uid: &EntityUid) -> bool {
    mapping.parents.iter().any(|parent| parent.entity_type.as_cedar() == uid.type_name())
}

fn workload(
    recorded: &Recorded,
    principal: &PrincipalField,
    mapping: &IdentityMapping,
) -> Result<Restored, Problem> {
    let mut tokens = BTreeMap::new();
    let capabilities = recorded.capabilities.as_deref().unwrap_or_default();
    let bearer = (principal, principal.id.as_str());
    let withheld = capability::restore(capabilities, bearer, mapping, &mut tokens);
    let identity = Identity { tokens, spiffe: Some(vec![principal.id.clone()]) };
    let found = identified(mapping, &identity)?;
    let differs =
        mapping.principal.iter().find_map(|each| difference(recorded, principal, &found, each));
    same(differs)?;
    Ok(Restored { identity, withheld, unsaid: Vec::new() })
}

fn by_token(
    recorded: &Recorded,
    principal: &PrincipalField,
    token: &TokenField,
    (mapping, of_token): (&IdentityMapping, &PrincipalMapping),
) -> Result<Restored, Problem> {
    let (identity, withheld) = with_token(recorded, principal, token, (mapping, of_token));
    let found = identified(mapping, &identity)?;
    same(difference(recorded, principal, &found, of_token))?;
    let unsaid = |name: &&String| !found.principal.attributes.contains_key(*name);
    let unsaid = of_token.attributes.keys().filter(unsaid).cloned().collect();
    Ok(Restored { identity, withheld, unsaid })
}

fn identified(
    mapping: &IdentityMapping,
    identity: &Identity,
) -> Result<identity::Identity, Problem> {
    identity::identify(mapping, &identity.attested()).map_err(|error| {
        Problem::new(format!("the record does not hold what this bundle asks for: {error}"))
    })
}

fn same(difference: Option<&str>) -> Result<(), Problem> {
    let message = |what| format!("this bundle gives the recorded identity another {what}");
    difference.map_or(Ok(()), |what| Err(Problem::new(message(what))))
}

fn with_token(
    recorded: &Recorded,
    principal: &PrincipalField,
    token: &TokenField,
    (identity, mapping): (&IdentityMapping, &PrincipalMapping),
) -> (Identity, Vec<String>) {
    let is_qualified = identity.actor.qualify_by_issuer;
    let mut claims = registered(recorded, token, is_qualified);
    let id = restore_principal(principal, token.issuer.as_deref(), mapping, &mut claims);
    let mut withheld = restore_attributes(&principal.attributes, &mapping.attributes, &mut claims);
    if let Some(id) = recorded.actor.as_ref().and_then(|actor| actor.chain.first()) {
        restore_actor(id, (identity, mapping), &mut claims);
    }
    restore_required(&mapping.require, &mut claims);
    let capabilities = recorded.capabilities.as_deref().unwrap_or_default();
    let fits = |name: &&String| capability::are_beside(capabilities, identity, name);
    let named = mapping.tokens.iter().find(|name| token.name.as_ref() == Some(*name));
    let name = named.or_else(|| mapping.tokens.iter().find(fits)).or(mapping.tokens.first());
    let mut tokens: BTreeMap<_, _> = name.map(|name| (name.clone(), claims)).into_iter().collect();
    withheld.extend(capability::restore(capabilities, (principal, id), identity, &mut tokens));
    let spiffe = certified(recorded, is_qualified.then_some(identity));
    (Identity { tokens, spiffe }, withheld)
}

/// Sets a claim that names the actor, where the bundle requires one of several actors.
fn restore_actor(
    id: &str,
    (identity, mapping): (&IdentityMapping, &PrincipalMapping),
    claims: &mut Value,
) {
    for Requirement { claim, values } in &mapping.require {
        let actor = json!(id);
        if identity.actor_claims(mapping).contains(claim) && values.iter().any(|it| it.is(&actor)) {
            put(claims, claim.steps(), actor);
        }
    }
}

/// The SPIFFE id of an actor that has no issuer, under a mapping that qualifies those of tokens.
fn certified(recorded: &Recorded, mapping: Option<&IdentityMapping>) -> Option<Vec<String>> {
    let [id] = recorded.actor.as_ref()?.chain.as_slice() else { return None };
    let named = mapping?.actor.spiffe.iter().find(|(_, agent)| *agent == id);
    (!id.contains('|')).then(|| vec![named.map_or(id, |(spiffe, _)| spiffe).clone()])
}

/// The claims whose names do not depend on the bundle.
fn registered(recorded: &Recorded, token: &TokenField, is_qualified: bool) -> Value {
    let actor = recorded.actor.as_ref().filter(|actor| {
        let [only] = actor.chain.as_slice() else { return true };
        !is_qualified || only.contains('|')
    });
    let words = |words: &Vec<String>| (!words.is_empty()).then(|| words.join(" "));
    let act = actor.map_or(Value::Null, |actor| {
        let profile = |at| actor.profiles.get(at).into_iter().flatten().map(String::as_str);
        let chain = actor.chain.iter().enumerate();
        let chain = chain.map(|(at, id)| (id.as_str(), profile(at).collect()));
        identity::act(chain, is_qualified)
    });
    json!({
        "sub_profile": words(&token.profiles),
        "client_profile": words(&token.client_profiles),
        "iss": token.issuer,
        "scope": scope(&token.scopes),
        "exp": token.expires.map(|time| time.timestamp()),
        "txn": recorded.txn_of(None),
        "act": act,
    })
}

/// Sets the claims that a principal is mapped from, and returns the id as its claim has it.
pub(super) fn restore_principal<'a>(
    principal: &'a PrincipalField,
    issuer: Option<&str>,
    mapping: &PrincipalMapping,
    claims: &mut Value,
) -> &'a str {
    for parent in &mapping.parents {
        let of_type =
            principal.parents.iter().filter(|uid| uid.type_name() == parent.entity_type.as_cedar());
        let ids: Vec<&str> = of_type.map(|uid| uid.id().unescaped()).collect();
        if !(ids.is_empty() && parent.optional) {
            put(claims, parent.claim.steps(), parent.form.write(&ids));
        }
    }
    if let Some(teams) = &mapping.teams {
        let ids: Vec<&str> = principal.teams.iter().map(String::as_str).collect();
        put(claims, teams.claim().steps(), teams.form().write(&ids));
    }
    if let Some(claim) = &mapping.tenant {
        put(claims, claim.steps(), json!(principal.tenant));
    }
    let issuer = issuer.filter(|_| mapping.qualify_by_issuer);
    let id = issuer.and_then(|issuer| principal.id.strip_prefix(issuer)?.strip_prefix('|'));
    let id = id.unwrap_or(&principal.id);
    put(claims, mapping.id.steps(), json!(id));
    id
}

/// The part of the record that the bundle does not map from the claims, limited to what the bundle
/// maps.
fn difference(
    recorded: &Recorded,
    principal: &PrincipalField,
    found: &identity::Identity,
    mapping: &PrincipalMapping,
) -> Option<&'static str> {
    let mapped = |uid: &&EntityUid| is_mapped(mapping, uid);
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
