//! Who sends, with everything that follows from that alone. An agent sends many calls with one token.

use std::cell::RefCell;
use std::rc::Rc;

use chrono::DateTime;

use crate::bundle::Bundle;
use crate::decide::{Caller, Denial};
use crate::header;
use crate::identity::{self, Actor, Attested, Identity, IdentityError, Principal, Token};
use crate::recent::Recent;
use crate::record::{self, ActorField, PrincipalField, Shared, TokenField};

/// How many senders a gate remembers, at least.
const REMEMBERED: usize = 128;

/// The longest claims that are remembered, in bytes of JSON. What is kept of a sender takes many
/// times as much.
const LONGEST: usize = 4096;

/// A sender as identity, policies and records have it.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(super) identity: Identity,
    /// The sender among the entities of the bundle, or why it cannot be there.
    pub(super) caller: Result<Rc<Caller>, Denial>,
    pub(super) principal: Shared<PrincipalField>,
    pub(super) actor: Option<Shared<ActorField>>,
    pub(super) token: Option<Shared<TokenField>>,
    /// The value of `toolgate-identity`.
    pub(super) header: String,
}

/// The senders of a gate by all that is attested of them: to know them again is to compare claims.
#[derive(Debug)]
pub struct Senders(RefCell<Recent<Attested, Rc<Sender>>>);

impl Default for Senders {
    fn default() -> Self {
        Self(RefCell::new(Recent::new(REMEMBERED)))
    }
}

impl Senders {
    /// The sender of whom this is attested, by the mapping of the bundle that these are senders of.
    pub(super) fn identify(
        &self,
        bundle: &Bundle,
        attested: &Attested,
    ) -> Result<Rc<Sender>, IdentityError> {
        let mut known = self.0.borrow_mut();
        if let Some(sender) = known.get(attested) {
            return Ok(sender);
        }
        let sender = Rc::new(Sender::new(bundle, attested)?);
        if size(attested) <= LONGEST {
            known.keep(attested.clone(), Rc::clone(&sender));
        }
        Ok(sender)
    }
}

impl Sender {
    fn new(bundle: &Bundle, attested: &Attested) -> Result<Self, IdentityError> {
        let identity = identity::identify(&bundle.identity, attested)?;
        let principal = Shared::new(principal(&identity.principal));
        let actor = identity.actor.as_ref().map(|it| Shared::new(actor(it)));
        Ok(Self {
            caller: Caller::new(bundle, &identity).map(Rc::new),
            header: header::identity(Some(&principal), actor.as_deref()),
            principal,
            actor,
            token: identity.token.as_ref().map(|it| Shared::new(token(it))),
            identity,
        })
    }
}

fn size(attested: &Attested) -> usize {
    let tokens = attested.tokens.values().map(|claims| claims.to_string().len());
    tokens.fold(attested.peer.as_ref().map_or(0, String::len), usize::saturating_add)
}

fn principal(principal: &Principal) -> PrincipalField {
    PrincipalField {
        type_name: principal.type_name.clone(),
        id: principal.id.clone(),
        tenant: principal.tenant.clone(),
        teams: principal.teams.iter().cloned().collect(),
        parents: principal.parents.iter().cloned().collect(),
        attributes: principal.attributes.clone(),
        entity: format!("{}::{:?}", principal.type_name, principal.id),
    }
}

fn actor(actor: &Actor) -> ActorField {
    let type_name = actor.uid.type_name().to_string();
    ActorField {
        entity: format!("{type_name}::{:?}", actor.id),
        type_name,
        id: actor.id.clone(),
        chain: actor.chain.clone(),
    }
}

fn token(token: &Token) -> TokenField {
    let expires = token.expires.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    TokenField {
        issuer: token.issuer.clone(),
        scopes: token.scopes.clone(),
        expires: expires.map(record::timestamp),
        jti: token.id.clone(),
        claims_digest: token.claims_digest.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture;

    fn attested(change: impl FnOnce(&mut serde_json::Value)) -> Attested {
        let mut claims = fixture::claims();
        change(&mut claims);
        Attested { tokens: [("session".to_owned(), claims)].into(), peer: None }
    }

    #[test]
    fn a_sender_is_known_again_by_all_claims() {
        let (bundle, senders) = (fixture::bundle(), Senders::default());
        let alice = attested(|_| ());
        let first = senders.identify(&bundle, &alice).unwrap();
        assert!(Rc::ptr_eq(&first, &senders.identify(&bundle, &alice.clone()).unwrap()));
        let others = [
            attested(|claims| claims["sub"] = json!("mallory")),
            attested(|claims| claims["roles"] = json!([])),
            attested(|claims| claims["tenant"] = json!("other")),
            attested(|claims| claims["jti"] = json!("another")),
            Attested { peer: Some("spiffe://mesh/other".to_owned()), ..alice.clone() },
        ];
        for other in others {
            let sender = senders.identify(&bundle, &other);
            assert!(!sender.is_ok_and(|sender| Rc::ptr_eq(&first, &sender)), "{other:?}");
        }
        assert!(Rc::ptr_eq(&first, &senders.identify(&bundle, &alice).unwrap()));
    }

    #[test]
    fn long_claims_are_not_remembered() {
        let (bundle, senders) = (fixture::bundle(), Senders::default());
        let long = attested(|claims| claims["note"] = json!("x".repeat(LONGEST)));
        let first = senders.identify(&bundle, &long).unwrap();
        assert!(!Rc::ptr_eq(&first, &senders.identify(&bundle, &long).unwrap()));
    }
}
