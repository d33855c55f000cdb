//! Who sends, with everything that follows from that alone. An agent sends many calls with one token.

use std::cell::RefCell;
use std::rc::Rc;

use chrono::DateTime;

use crate::bundle::Bundle;
use crate::decide::{Caller, Denial};
use crate::header;
use crate::identity::{
    self, Actor, Attested, Evidence, Identity, IdentityError, Mark, Principal, Token,
};
use crate::recent::Recent;
use crate::record::{self, ActorField, PrincipalField, Shared, TokenField};

/// How many senders a gate remembers, at least.
const REMEMBERED: usize = 128;

/// The longest claims that are remembered, in bytes as they are encoded. What is kept of a sender
/// takes several times as much.
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
pub struct Senders(RefCell<Recent<Mark, Rc<Sender>>>);

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
        evidence: &Evidence,
    ) -> Result<Rc<Sender>, IdentityError> {
        let mut known = self.0.borrow_mut();
        let mark = evidence.mark(LONGEST);
        if let Some(sender) = mark.as_ref().and_then(|mark| known.get(mark)) {
            return Ok(sender);
        }
        let sender = Rc::new(Sender::new(bundle, &*evidence.attested()?)?);
        if let Some(mark) = mark {
            known.keep(mark, Rc::clone(&sender));
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
    use crate::reason::Reason;

    fn evidence(turn: u64, change: impl FnOnce(&mut serde_json::Value)) -> Evidence {
        let mut claims = fixture::claims();
        change(&mut claims);
        let metadata = fixture::metadata(&json!({ "session": claims }), turn);
        Evidence::Encoded { metadata, peer: None }
    }

    fn at(peer: Option<&str>) -> Evidence {
        let Evidence::Encoded { metadata, .. } = evidence(0, |_| ()) else { panic!() };
        Evidence::Encoded { metadata, peer: peer.map(str::to_owned) }
    }

    #[test]
    fn a_sender_is_known_again_by_all_claims() {
        let (bundle, senders) = (fixture::bundle(), Senders::default());
        let first = senders.identify(&bundle, &evidence(0, |_| ())).unwrap();
        for turn in 1..20 {
            let again = senders.identify(&bundle, &evidence(turn, |_| ())).unwrap();
            assert!(Rc::ptr_eq(&first, &again));
        }
        let others = [
            evidence(0, |claims| claims["sub"] = json!("mallory")),
            evidence(0, |claims| claims["roles"] = json!([])),
            evidence(0, |claims| claims["tenant"] = json!("other")),
            evidence(0, |claims| claims["jti"] = json!("another")),
            at(Some("spiffe://mesh/other")),
            at(Some("")),
        ];
        for other in others {
            let sender = senders.identify(&bundle, &other);
            assert!(!sender.is_ok_and(|sender| Rc::ptr_eq(&first, &sender)), "{other:?}");
        }
        assert!(Rc::ptr_eq(&first, &senders.identify(&bundle, &at(None)).unwrap()));
    }

    #[test]
    fn long_claims_are_not_remembered() {
        let (bundle, senders) = (fixture::bundle(), Senders::default());
        let long = evidence(0, |claims| claims["note"] = json!("x".repeat(LONGEST)));
        let first = senders.identify(&bundle, &long).unwrap();
        assert!(!Rc::ptr_eq(&first, &senders.identify(&bundle, &long).unwrap()));
    }

    #[test]
    fn claims_that_do_not_decode_are_a_failure_every_time() {
        let (bundle, senders) = (fixture::bundle(), Senders::default());
        let mut cut = fixture::metadata(&json!({ "session": fixture::claims() }), 0);
        cut.pop();
        let cut = Evidence::Encoded { metadata: cut, peer: None };
        for _ in 0..2 {
            let error = senders.identify(&bundle, &cut).unwrap_err();
            assert_eq!((&error, error.reason()), (&IdentityError::Undecodable, Reason::Internal));
        }
    }
}
