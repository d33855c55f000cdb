//! Verified sources → principal, actor and delegation chain, or why there are none.
//!
//! Only what the proxy has verified comes in here: the payloads that `jwt_authn` left in dynamic
//! metadata and the URI SAN of the mTLS peer. No header is ever decoded.

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

/// Who is asking, for whom, through whom.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whom the call is for.
    pub principal: Principal,
    /// Who performs it.
    pub actor: Option<Actor>,
    /// What else the principal's token says.
    pub token: Option<Token>,
}

/// Whom a call is for, as a Cedar entity with its attributes and parents.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The Cedar entity.
    pub entity: Entity,
    /// The Cedar entity type.
    pub type_name: String,
    /// The Cedar entity id.
    pub id: String,
    /// The tenant, where the bundle names a claim for it.
    pub tenant: Option<String>,
    /// The teams, where the bundle names a claim for them.
    pub teams: BTreeSet<String>,
    /// The parents of the entity that come from claims, as Cedar spells them.
    pub parents: BTreeSet<String>,
    /// The attributes of the entity as records may show them.
    pub attributes: BTreeMap<String, Value>,
}

/// Who performs a call: the agent, and the agents that acted before it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The current actor.
    pub uid: EntityUid,
    /// The current actor's id.
    pub id: String,
    /// All actors of the delegation, the current one first.
    pub chain: Vec<String>,
    /// The same actors as Cedar entities.
    pub agents: HashSet<EntityUid>,
}

/// Names the principal and the actor of a request, or tells why it has none.
///
/// # Errors
///
/// Whatever is missing, ill-typed, ambiguous or contradictory is an error; nothing is guessed.
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

/// The one token that names the principal, if there is any.
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
    // A certificate with another URI names nobody, and so not this actor either.
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
