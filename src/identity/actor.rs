//! The actor of a call, from the token or the peer certificate.

use std::collections::{BTreeSet, HashSet};

use cedar_policy::EntityUid;
use serde_json::Value;

use super::delegation::{self, Hop};
use super::{
    ActorMapping, Attested, ClaimPath, IdentityError, IdentityMapping, PrincipalMapping, claims,
};

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
    /// What each actor of the delegation is, such as `ai_agent`, current one first.
    pub profiles: Vec<BTreeSet<String>>,
}

/// Reads the actor: of the token's `act` claim, or else of the mapped claims, or else of the peer
/// certificate.
pub(super) fn of(
    mapping: &IdentityMapping,
    token: Option<(&PrincipalMapping, &Value)>,
    attested: &Attested,
) -> Result<Option<Actor>, IdentityError> {
    let (mut chain, claim) = match token {
        Some((principal, claims)) => of_token(mapping, principal, claims)?,
        None => (Vec::new(), None),
    };
    let claims = token.map(|(_, claims)| claims);
    let mapping = &mapping.actor;
    // A certificate that is not asked may name anything.
    let asked = attested.peer.as_ref().filter(|_| chain.is_empty() || mapping.must_match_spiffe);
    let named = match asked {
        Some(peer) => Some(peer.workload()?),
        None => None,
    };
    let named = named.map(|id| mapping.spiffe.get(id).map_or(id, String::as_str));
    let of_token = chain.first().map(|hop| hop.id.as_str());
    if of_token.zip(named).is_some_and(|(one, other)| one != other) {
        return Err(mismatch(shown(claim), "the peer certificate".to_owned()));
    }
    if chain.is_empty() {
        chain.extend(named.map(Hop::new));
    }
    if let (Some(claims), Some(current)) = (claims, chain.first()) {
        delegation::may_act(claims, current)?;
    }
    match chain.first() {
        Some(current) => Ok(Some(Actor {
            uid: mapping.entity_type.uid(&current.id),
            id: current.id.clone(),
            agents: chain.iter().map(|hop| mapping.entity_type.uid(&hop.id)).collect(),
            profiles: chain.iter().map(|hop| hop.profiles.clone()).collect(),
            chain: chain.into_iter().map(|hop| hop.id).collect(),
        })),
        None if mapping.required => Err(IdentityError::NoActor),
        None => Ok(None),
    }
}

/// The actors that a token names, current one first, and the claim that names the only one; `None`
/// for `act`.
fn of_token<'a>(
    mapping: &'a IdentityMapping,
    principal: &'a PrincipalMapping,
    token: &'a Value,
) -> Result<(Vec<Hop>, Option<&'a ClaimPath>), IdentityError> {
    let ActorMapping { max_depth, qualify_by_issuer, .. } = mapping.actor;
    let chain = delegation::chain(token, max_depth, qualify_by_issuer)?;
    let Some((claim, id)) = claims::actor(token, mapping.actor_claims(principal))? else {
        return Ok((chain, None));
    };
    let named = Hop::by_claim(id, token, qualify_by_issuer)?;
    match chain.first() {
        None => Ok((vec![named], Some(claim))),
        Some(current) if mapping.actor.must_match_claim && current.id != named.id => {
            Err(mismatch(shown(None), shown(Some(claim))))
        }
        Some(_) => Ok((chain, None)),
    }
}

fn mismatch(one: String, other: String) -> IdentityError {
    IdentityError::ActorMismatch { one, other }
}

/// A claim in messages; `act` for none.
fn shown(claim: Option<&ClaimPath>) -> String {
    claim.map_or_else(|| "the `act` claim".to_owned(), |claim| format!("claim `{claim}`"))
}
