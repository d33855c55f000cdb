//! Verified evidence → principal, actor and delegation chain, or why there are none.
//!
//! The only inputs are verified by the proxy: the payloads that `jwt_authn` stores in dynamic
//! metadata and the URI SAN of the mTLS peer. No header is decoded.
//!
#![doc = include_str!("identity.md")]

mod actor;
mod canonical;
mod capability;
mod capability_error;
mod capability_mapping;
mod certificate;
mod claim_mapping;
mod claim_path;
mod claims;
mod delegation;
mod error;
mod evidence;
mod fields;
mod form;
mod forwarded;
mod mapping;
mod metadata;
mod one_or_several;
mod scope;
mod type_name;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cedar_policy::{Entity, EntityUid};
use cedar_policy_core::ast::{self, PartialValue};
use serde_json::Value;

pub use actor::Actor;
pub use capability::{Capabilities, Capability, check_headers};
pub use capability_error::CapabilityError;
pub use capability_mapping::CapabilityMapping;
pub use certificate::Certificate;
pub use claim_mapping::{
    Accepted, AttributeMapping, ClaimType, FormedClaim, ListMapping, ParentMapping, Requirement,
};
pub use claim_path::ClaimPath;
pub use claims::Token;
pub use delegation::act;
pub use error::{IdentityError, Wanted};
pub use evidence::{Attested, Evidence, SenderKey};
pub use fields::{ActorField, CapabilityField, PrincipalField, TokenField, header};
pub use form::Form;
pub use forwarded::behind;
pub use mapping::{
    ActorMapping, IdentityMapping, IdentityMode, PrincipalMapping, SpiffeId, WorkloadMapping,
};
pub use one_or_several::OneOrSeveral;
pub use scope::Scope;
pub use type_name::TypeName;

use crate::json::REDACTED;
use crate::policy::value::Value as CedarValue;
use capability::Bearer;

/// The verified identity of a call.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The principal: whom the call is for.
    pub principal: Principal,
    /// The actor: the agent that performs the call.
    pub actor: Option<Actor>,
    /// Further claims of the principal's token.
    pub token: Option<Token>,
    /// The scopes that the tools it calls may have; `None` if its tokens have no scopes.
    pub scopes: Option<Vec<String>>,
    /// The tokens that limit what it calls.
    pub capabilities: Capabilities,
}

impl Identity {
    /// The id of the transaction, of the principal's token or else of a capability.
    pub fn txn(&self) -> Option<&str> {
        self.transaction()?.txn.as_deref()
    }

    /// The token with the id of the transaction.
    pub fn transaction(&self) -> Option<&Token> {
        let capabilities = self.capabilities.presented.iter().map(|each| &each.token);
        self.token.iter().chain(capabilities).find(|token| token.txn.is_some())
    }

    /// The same caller with a token that has these scopes; `None` if it has no token with scopes.
    pub fn with_scopes(&self, scopes: &[String]) -> Option<Self> {
        let mut same = self.clone();
        scopes.clone_into(same.scopes.as_mut()?);
        scopes.clone_into(&mut same.token.as_mut()?.scopes);
        Some(same)
    }
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

/// Derives the principal and the actor of a request.
///
/// # Errors
///
/// Anything missing, ill-typed, ambiguous or contradictory is an error; nothing is guessed.
pub fn identify(mapping: &IdentityMapping, attested: &Attested) -> Result<Identity, IdentityError> {
    if let Some((name, claims)) = only_token(mapping, attested)? {
        let of_token = of_token(mapping, name, claims)?;
        check(of_token, claims)?;
        let principal = principal(of_token, claims)?;
        let actor = actor::of(mapping, Some((of_token, claims)), attested)?;
        let token = claims::token(name, claims)?;
        let bearer = Bearer {
            token: Some(name),
            id: claims::text(claims, &of_token.id)?,
            tenant: principal.tenant.as_deref(),
            txn: token.txn.as_deref(),
            actor: actor.as_ref(),
        };
        let capabilities = capability::of(mapping, attested, &bearer)?;
        let scopes = (!of_token.without_scopes).then(|| token.scopes.clone());
        return Ok(Identity { principal, actor, token: Some(token), scopes, capabilities });
    }
    let (Some(workload), Some(peer)) = (&mapping.workload, &attested.peer) else {
        let (tokens, peer) = (mapping.token_names(), mapping.workload.is_some());
        return Err(IdentityError::Missing(Wanted { tokens, peer }));
    };
    let spiffe_id = peer.workload()?;
    let actor = actor::of(mapping, None, attested)?;
    let bearer =
        Bearer { token: None, id: spiffe_id, tenant: None, txn: None, actor: actor.as_ref() };
    let capabilities = capability::of(mapping, attested, &bearer)?;
    Ok(Identity {
        principal: Principal {
            entity: Entity::new_no_attrs(workload.entity_type.uid(spiffe_id), HashSet::new()),
            type_name: workload.entity_type.to_string(),
            id: spiffe_id.to_owned(),
            tenant: None,
            teams: BTreeSet::new(),
            parents: BTreeSet::new(),
            attributes: BTreeMap::new(),
        },
        actor,
        token: None,
        // A certificate has no scopes, so a tool that needs some is not for it.
        scopes: Some(Vec::new()),
        capabilities,
    })
}

/// A person who has signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who it is.
    pub identity: Identity,
    /// The client of the sign-in, where tokens of callers name their actor.
    pub client: Option<String>,
}

/// The person with these claims, as a caller with a token of this name would be identified.
///
/// # Errors
///
/// As [`identify`]; claims of an agent that acts for somebody are no person's.
pub fn identify_person(
    mapping: &IdentityMapping,
    token: &str,
    claims: &Value,
) -> Result<Person, IdentityError> {
    if claims.get("act").is_some_and(|act| !act.is_null()) {
        return Err(IdentityError::RefusedClaim { claim: "act".to_owned() });
    }
    let of_token = of_token(mapping, token, claims)?;
    check(of_token, claims)?;
    let token = Some(claims::token(token, claims)?);
    let client = claims::actor(claims, mapping.actor_claims(of_token))?;
    let client = client.map(|(_, id)| id.to_owned());
    let (principal, capabilities) = (principal(of_token, claims)?, Capabilities::default());
    let identity = Identity { principal, actor: None, token, scopes: None, capabilities };
    Ok(Person { identity, client })
}

/// The one token that names the principal, if there is one.
fn only_token<'a>(
    mapping: &'a IdentityMapping,
    attested: &'a Attested,
) -> Result<Option<(&'a str, &'a Value)>, IdentityError> {
    let names = mapping.principal.iter().flat_map(|mapping| &mapping.tokens);
    let mut present = names.filter_map(|name| Some((name.as_str(), attested.tokens.get(name)?)));
    let Some(only) = present.next() else { return Ok(None) };
    // Several mappings may be for one token.
    match present.find(|(name, _)| *name != only.0) {
        Some((second, _)) => {
            Err(IdentityError::Ambiguous { first: only.0.to_owned(), second: second.to_owned() })
        }
        None => Ok(Some(only)),
    }
}

/// The mapping for a token. A bundle loads only if no token can have two.
fn of_token<'a>(
    mapping: &'a IdentityMapping,
    name: &str,
    claims: &Value,
) -> Result<&'a PrincipalMapping, IdentityError> {
    let mut named =
        mapping.principal.iter().filter(|mapping| mapping.tokens.iter().any(|known| known == name));
    let issuer = claims.get("iss").and_then(Value::as_str);
    let fits = |mapping: &&PrincipalMapping| {
        mapping.issuers.is_empty() || mapping.issuers.iter().any(|of| Some(of.as_str()) == issuer)
    };
    named.find(fits).ok_or_else(|| IdentityError::UnknownIssuer { token: name.to_owned() })
}

/// Checks what the bundle demands of a token besides the claims that it maps.
fn check(mapping: &PrincipalMapping, token: &Value) -> Result<(), IdentityError> {
    if let Some(claim) = mapping.refuse_if.iter().find(|claim| claim.is_stated(token)) {
        return Err(IdentityError::RefusedClaim { claim: claim.to_string() });
    }
    mapping.require.iter().try_for_each(|requirement| claims::require(token, requirement))
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
        for id in claims::texts(token, &parent.claim, parent.form, parent.optional)? {
            parents.insert(parent.entity_type.uid(id));
        }
    }
    let tenant = match &mapping.tenant {
        Some(path) => Some(claims::text(token, path)?.to_owned()),
        None => None,
    };
    let teams = match &mapping.teams {
        Some(teams) => claims::texts(token, teams.claim(), teams.form(), false)?,
        None => Vec::new(),
    };
    let teams = teams.into_iter().map(str::to_owned).collect();
    let named = parents.iter().map(ToString::to_string).collect();
    let entity = entity(mapping.entity_type.uid(&id), values, parents);
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

#[cfg(test)]
mod tests;
