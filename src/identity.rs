//! Verified evidence → principal, actor and delegation chain, or why there are none.
//!
//! The only inputs are verified by the proxy: the payloads that `jwt_authn` stores in dynamic
//! metadata and the URI SAN of the mTLS peer. No header is decoded.

mod canonical;
mod claims;
mod error;
mod evidence;
mod fields;
mod mapping;
mod metadata;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cedar_policy::{Entity, EntityId, EntityUid};
use cedar_policy_core::ast::{self, PartialValue};
use serde_json::Value;

pub use claims::Token;
pub use error::IdentityError;
pub use evidence::{Attested, Evidence, SenderKey};
pub use fields::{ActorField, PrincipalField, TokenField, header};
pub use mapping::{
    ActorMapping, AttributeMapping, ClaimPath, ClaimType, IdentityMapping, ParentMapping,
    PrincipalMapping, TypeName, WorkloadMapping,
};

use crate::json::REDACTED;
use crate::policy::value::Value as CedarValue;

/// The verified identity of a call.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The principal: whom the call is for.
    pub principal: Principal,
    /// The actor: the agent that performs the call.
    pub actor: Option<Actor>,
    /// Further claims of the principal's token.
    pub token: Option<Token>,
}

/// The principal of a call, as a Cedar entity with its attributes and parents.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The Cedar entity.
    pub entity: Entity,
    /// The Cedar entity type.
    pub type_name: String,
    /// The Cedar entity id.
    pub id: String,
    /// The tenant, if the bundle maps a claim to it.
    pub tenant: Option<String>,
    /// The teams, if the bundle maps a claim to them.
    pub teams: BTreeSet<String>,
    /// The parents of the entity that come from claims, in Cedar syntax.
    pub parents: BTreeSet<String>,
    /// The attributes of the entity, redacted for records.
    pub attributes: BTreeMap<String, Value>,
}

/// The actor of a call: the current agent and the agents that acted before it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The current actor.
    pub uid: EntityUid,
    /// The current actor's id.
    pub id: String,
    /// All actors of the delegation, current one first.
    pub chain: Vec<String>,
    /// The same actors as Cedar entities.
    pub agents: HashSet<EntityUid>,
}

/// Derives the principal and the actor of a request.
///
/// # Errors
///
/// Anything missing, ill-typed, ambiguous or contradictory is an error; nothing is guessed.
pub fn identify(mapping: &IdentityMapping, attested: &Attested) -> Result<Identity, IdentityError> {
    if let Some(claims) = only_token(&mapping.principal.tokens, attested)? {
        return Ok(Identity {
            principal: principal(&mapping.principal, claims)?,
            actor: actor(&mapping.actor, claims.get("act"), attested)?,
            token: Some(claims::token(claims)?),
        });
    }
    let (Some(workload), Some(spiffe_id)) = (&mapping.workload, attested.spiffe_id()) else {
        return Err(IdentityError::Missing);
    };
    Ok(Identity {
        principal: Principal {
            entity: Entity::new_no_attrs(uid(&workload.entity_type, spiffe_id), HashSet::new()),
            type_name: workload.entity_type.to_string(),
            id: spiffe_id.to_owned(),
            tenant: None,
            teams: BTreeSet::new(),
            parents: BTreeSet::new(),
            attributes: BTreeMap::new(),
        },
        actor: actor(&mapping.actor, None, attested)?,
        token: None,
    })
}

/// The one token that names the principal, if there is one.
fn only_token<'a>(
    names: &[String],
    attested: &'a Attested,
) -> Result<Option<&'a Value>, IdentityError> {
    let mut present = names.iter().filter(|name| attested.tokens.contains_key(*name));
    match (present.next(), present.next()) {
        (Some(first), Some(second)) => {
            Err(IdentityError::Ambiguous { first: first.clone(), second: second.clone() })
        }
        (Some(only), None) => Ok(attested.tokens.get(only)),
        (None, _) => Ok(None),
    }
}

fn principal(mapping: &PrincipalMapping, token: &Value) -> Result<Principal, IdentityError> {
    let mut id = claims::text(token, &mapping.id)?.to_owned();
    if mapping.qualify_by_issuer {
        id = format!("{}|{id}", claims::issuer(token)?);
    }
    let mut values = Vec::with_capacity(mapping.attributes.len());
    let mut attributes = BTreeMap::new();
    for (name, attribute) in &mapping.attributes {
        if let Some((value, shown)) = claims::attribute(token, attribute)? {
            values.push((name.as_str(), value));
            let shown = if attribute.redact { REDACTED.into() } else { shown };
            attributes.insert(name.clone(), shown);
        }
    }
    let mut parents = HashSet::new();
    for parent in &mapping.parents {
        for id in claims::texts(token, &parent.claim, parent.optional)? {
            parents.insert(uid(&parent.entity_type, id));
        }
    }
    let tenant = match &mapping.tenant {
        Some(path) => Some(claims::text(token, path)?.to_owned()),
        None => None,
    };
    let teams = match &mapping.teams {
        Some(path) => claims::texts(token, path, false)?,
        None => Vec::new(),
    };
    let teams = teams.into_iter().map(str::to_owned).collect();
    let named = parents.iter().map(ToString::to_string).collect();
    let entity = entity(uid(&mapping.entity_type, &id), values, parents);
    let type_name = mapping.entity_type.to_string();
    Ok(Principal { entity, type_name, id, tenant, teams, parents: named, attributes })
}

fn entity(
    uid: EntityUid,
    attributes: Vec<(&str, CedarValue)>,
    parents: HashSet<EntityUid>,
) -> Entity {
    let attributes =
        attributes.into_iter().map(|(name, value)| (name.into(), PartialValue::Value(value)));
    let parents = parents.into_iter().map(Into::into).collect();
    ast::Entity::new_with_attr_partial_value(uid.into(), attributes, HashSet::new(), parents, [])
        .into()
}

fn actor(
    mapping: &ActorMapping,
    act: Option<&Value>,
    attested: &Attested,
) -> Result<Option<Actor>, IdentityError> {
    let mut chain = claims::delegation(act, mapping.max_depth)?;
    let named = attested.spiffe_id().map(|id| mapping.spiffe.get(id).map_or(id, String::as_str));
    // A certificate with a URI that is not a SPIFFE id names no agent, so it contradicts `act` too.
    let contradicted = attested.has_uri() && named != chain.first().map(String::as_str);
    if mapping.must_match_spiffe && !chain.is_empty() && contradicted {
        return Err(IdentityError::ActorMismatch);
    }
    if chain.is_empty() {
        chain.extend(named.map(str::to_owned));
    }
    match chain.first() {
        Some(current) => Ok(Some(Actor {
            uid: uid(&mapping.entity_type, current),
            id: current.clone(),
            agents: chain.iter().map(|id| uid(&mapping.entity_type, id)).collect(),
            chain,
        })),
        None if mapping.required => Err(IdentityError::NoActor),
        None => Ok(None),
    }
}

fn uid(entity_type: &TypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(entity_type.as_cedar().clone(), EntityId::new(id))
}

#[cfg(test)]
mod tests;
