//! Caches senders by their verified claims and peer: an agent sends many calls with one token.

use std::sync::{Arc, Mutex, PoisonError};

use super::Caller;
use crate::bundle::Bundle;
use crate::identity::{
    self, ActorField, Attested, CapabilityField, Evidence, Identity, IdentityError, PrincipalField,
    SenderKey, TokenField,
};
use crate::json::Shared;
use crate::limited_cache::LimitedCache;
use crate::memory::{Owners, Secret};

/// The number of most recently used senders that stay cached. The cache has at most twice as many.
const CACHED: usize = 128;

/// The maximum size of cached claims, in encoded bytes. A cached sender takes several times as
/// much.
const LONGEST: usize = 4096;

/// A sender in the forms needed by identity, policies and records.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) identity: Identity,
    /// The sender as an entity of the bundle; `None` if it cannot be one.
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) principal: Shared<PrincipalField>,
    pub(crate) actor: Option<Shared<ActorField>>,
    pub(crate) token: Option<Shared<TokenField>>,
    pub(crate) capabilities: Option<Shared<Vec<CapabilityField>>>,
    /// Whose accounts its calls are about; `None` if the bundle has nothing remembered.
    pub(crate) owners: Option<Owners>,
    /// The value of `toolgate-identity`.
    pub(crate) header: String,
}

/// The senders of a gate, by their complete evidence. A lookup compares encoded claims and does not
/// decode them.
#[derive(Debug)]
pub(crate) struct SenderCache {
    cached: Mutex<LimitedCache<SenderKey, Arc<Sender>>>,
    /// The name of the bundle whose accounts are those of senders, if not the gate's.
    accounts_of: Option<String>,
    /// It decides where the accounts of senders are stored.
    secret: Secret,
}

impl Default for SenderCache {
    fn default() -> Self {
        let cached = Mutex::new(LimitedCache::new(CACHED));
        Self { cached, accounts_of: None, secret: Secret::default() }
    }
}

impl SenderCache {
    /// A cache of senders with the accounts that they have under a bundle of this name.
    pub(crate) fn with_accounts_of(bundle: &str) -> Self {
        Self { accounts_of: Some(bundle.to_owned()), ..Self::default() }
    }

    /// An empty cache of senders whose accounts are stored where this secret says.
    pub(crate) fn storing_by(self, secret: &Secret) -> Self {
        let accounts_of = self.accounts_of;
        Self { accounts_of, secret: secret.clone(), ..Self::default() }
    }

    /// The sender with this evidence, identified by the mapping of the gate's bundle.
    pub(crate) fn identify(
        &self,
        bundle: &Bundle,
        evidence: &Evidence,
    ) -> Result<Arc<Sender>, IdentityError> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let key = evidence.sender_key(LONGEST);
        if let Some(sender) = key.as_ref().and_then(|key| cached.get(key)) {
            return Ok(sender);
        }
        let accounts = (self.accounts_of.as_deref().unwrap_or(&bundle.id.name), &self.secret);
        let sender = Arc::new(Sender::new(bundle, accounts, &*evidence.attested()?)?);
        if let Some(key) = key {
            cached.insert(key, Arc::clone(&sender));
        }
        Ok(sender)
    }
}

impl Sender {
    fn new(
        bundle: &Bundle,
        (accounts_of, secret): (&str, &Secret),
        attested: &Attested,
    ) -> Result<Self, IdentityError> {
        let identity = identity::identify(&bundle.identity, attested)?;
        let principal = Shared::new(PrincipalField::from(&identity.principal));
        let actor = identity.actor.as_ref().map(|actor| Shared::new(ActorField::from(actor)));
        let token = identity.token.as_ref().map(|token| Shared::new(TokenField::from(token)));
        let capabilities = &identity.capabilities.presented;
        let capabilities = (!capabilities.is_empty())
            .then(|| Shared::new(capabilities.iter().map(CapabilityField::from).collect()));
        let owners = bundle.memory.as_ref();
        let owners = owners.map(|plan| Owners::of(accounts_of, plan, &identity, secret));
        Ok(Self {
            owners,
            caller: Caller::new(bundle, &identity).map(Arc::new),
            header: identity::header(&principal, actor.as_deref(), identity.txn()),
            principal,
            actor,
            token,
            capabilities,
            identity,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture;
    use crate::identity::Certificate;
    use crate::reason::Reason;

    fn evidence(turn: u64, change: impl FnOnce(&mut serde_json::Value)) -> Evidence {
        let mut claims = fixture::claims();
        change(&mut claims);
        let metadata = fixture::metadata(&json!({ "session": claims }), turn);
        Evidence::Encoded { metadata, peer: None }
    }

    fn at(peer: Option<&str>) -> Evidence {
        let Evidence::Encoded { metadata, .. } = evidence(0, |_| ()) else { panic!() };
        Evidence::Encoded { metadata, peer: peer.map(|uris| Certificate::listed(Some(uris))) }
    }

    #[test]
    fn a_sender_is_known_again_by_all_claims() {
        let (bundle, cache) = (fixture::bundle(), SenderCache::default());
        let first = cache.identify(&bundle, &evidence(0, |_| ())).unwrap();
        for turn in 1..20 {
            let again = cache.identify(&bundle, &evidence(turn, |_| ())).unwrap();
            assert!(Arc::ptr_eq(&first, &again));
        }
        let others = [
            evidence(0, |claims| claims["sub"] = json!("mallory")),
            evidence(0, |claims| claims["roles"] = json!([])),
            evidence(0, |claims| claims["tenant"] = json!("other")),
            evidence(0, |claims| claims["jti"] = json!("another")),
            evidence(0, |claims| claims["iss"] = json!("https://other")),
            evidence(0, |claims| claims["azp"] = json!("copilot")),
            evidence(0, |claims| claims["_claim_names"] = json!({ "groups": "src1" })),
            at(Some("spiffe://mesh/other")),
            at(Some("")),
        ];
        for other in others {
            let sender = cache.identify(&bundle, &other);
            assert!(!sender.is_ok_and(|sender| Arc::ptr_eq(&first, &sender)), "{other:?}");
        }
        assert!(Arc::ptr_eq(&first, &cache.identify(&bundle, &at(None)).unwrap()));
    }

    #[test]
    fn long_claims_are_not_remembered() {
        let (bundle, cache) = (fixture::bundle(), SenderCache::default());
        let long = evidence(0, |claims| claims["note"] = json!("x".repeat(LONGEST)));
        let first = cache.identify(&bundle, &long).unwrap();
        assert!(!Arc::ptr_eq(&first, &cache.identify(&bundle, &long).unwrap()));
    }

    #[test]
    fn claims_that_do_not_decode_are_a_failure_every_time() {
        let (bundle, cache) = (fixture::bundle(), SenderCache::default());
        let mut cut = fixture::metadata(&json!({ "session": fixture::claims() }), 0);
        cut.pop();
        let cut = Evidence::Encoded { metadata: cut, peer: None };
        for _ in 0..2 {
            let error = cache.identify(&bundle, &cut).unwrap_err();
            assert_eq!((&error, error.reason()), (&IdentityError::Undecodable, Reason::Internal));
        }
    }
}
