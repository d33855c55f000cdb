//! A loaded bundle, ready to decide, with a cache of senders.

mod caller;
mod changed_tools;
mod delegation;
mod sender_cache;

use std::sync::Arc;

use serde::Serialize;

pub use caller::Caller;
pub use changed_tools::{Change, ChangedTools};
pub(crate) use sender_cache::{Sender, SenderCache};

use crate::bundle::Bundle;
use crate::jose::Signer;
use crate::json::Shared;
use crate::mcp::SessionKey;
use crate::memory::Secret;

/// A bundle in force and its environment. Immutable except for its cache; an update creates another
/// gate.
#[derive(Debug)]
pub struct Gate {
    /// The bundle.
    pub bundle: Bundle,
    /// A candidate bundle, evaluated for the same requests after the decision, without effect on
    /// it.
    pub candidate: Option<Box<Gate>>,
    /// The environment in policies and records, such as `production`.
    pub environment: Arc<str>,
    /// The identification of this gate in records.
    pub id: Shared<GateId>,
    /// The key for session ids, the same for all workers. Without one, no session is anybody's.
    pub sessions: Option<SessionKey>,
    /// What the gate signs with. Without it, nothing that needs a signature is done.
    pub signer: Option<Arc<Signer>>,
    /// What decides where this proxy remembers something.
    pub(crate) secret: Secret,
    pub(crate) senders: SenderCache,
}

/// The identification of a gate in records.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GateId {
    /// The proxy's node id.
    pub node: String,
    /// The plugin's name.
    pub plugin: String,
    /// The VM's id, with a tag that distinguishes workers and configurations.
    pub vm: String,
}

impl Gate {
    /// Creates a gate without names and without a candidate.
    pub fn new(bundle: Bundle, environment: String) -> Self {
        Self {
            bundle,
            candidate: None,
            environment: environment.into(),
            id: Shared::new(GateId::default()),
            sessions: None,
            signer: None,
            secret: Secret::default(),
            senders: SenderCache::default(),
        }
    }

    /// Adds a candidate bundle, whose limit of values is at most that of the bundle in force. It reads
    /// the accounts of that bundle, and cannot check sessions and tasks that are not bound.
    #[must_use]
    pub fn beside(self, candidate: Option<Bundle>) -> Self {
        let gate = |mut bundle: Bundle| {
            bundle.limits.values = bundle.limits.values.min(self.bundle.limits.values);
            bundle.binds_sessions &= self.bundle.binds_sessions;
            bundle.binds_tasks &= self.bundle.binds_tasks;
            let senders = SenderCache::with_accounts_of(&self.bundle.id.name);
            Self { senders, ..Self::new(bundle, self.environment.to_string()) }
        };
        Self { candidate: candidate.map(gate).map(Box::new), ..self }
    }

    /// The gate of an edge without servers, which sees no task made: it decides a request about one as
    /// if its sender had made it.
    pub fn without_servers(mut bundle: Bundle, environment: String) -> Self {
        bundle.binds_tasks = false;
        Self::new(bundle, environment)
    }

    /// Sets the secret that decides where accounts and tasks are stored, the same for all workers.
    #[must_use]
    pub fn storing_by(self, secret: &Secret) -> Self {
        let candidate = self.candidate.map(|candidate| Box::new((*candidate).storing_by(secret)));
        let senders = self.senders.storing_by(secret);
        Self { candidate, senders, secret: secret.clone(), ..self }
    }

    /// Sets the key for session ids, also for the candidate.
    #[must_use]
    pub fn with_sessions(self, key: SessionKey) -> Self {
        let candidate = self.candidate.map(|gate| Box::new(gate.with_sessions(key.clone())));
        Self { candidate, sessions: Some(key), ..self }
    }

    /// Sets what the gate signs with. A candidate signs nothing.
    #[must_use]
    pub fn signing_with(self, signer: Signer) -> Self {
        Self { signer: Some(Arc::new(signer)), ..self }
    }

    /// Sets the gate's identification in records.
    #[must_use]
    pub fn named(self, id: &GateId) -> Self {
        Self { id: Shared::new(id.clone()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A candidate reads what the bundle in force remembers.
    #[test]
    fn a_candidate_looks_for_accounts_in_the_same_places() {
        let mut document = crate::fixture::document_json();
        document["manifest"]["history"] = json!({ "windows": { "hour": "1h" } });
        let document = serde_json::from_value(document).unwrap();
        let bundle = || crate::bundle::load(&document).unwrap().bundle;
        let gate = Gate::new(bundle(), "test".to_owned()).beside(Some(bundle()));
        let tokens = json!({ "session": crate::fixture::claims() });
        let metadata = crate::fixture::metadata(&tokens, 0);
        let evidence = crate::identity::Evidence::Encoded { metadata, peer: None };
        let slots = |gate: &Gate| {
            let sender = gate.senders.identify(&gate.bundle, &evidence).unwrap();
            sender.owners.as_ref().unwrap().slots().to_vec()
        };
        let other = slots(&gate);
        let gate = gate.storing_by(&Secret::new([7; 32]));
        assert_ne!(slots(&gate), other);
        assert_eq!(slots(&gate), slots(gate.candidate.as_ref().unwrap()));
    }

    /// A native edge can share one gate between its threads.
    #[test]
    fn a_gate_is_send_and_sync() {
        fn check<T: Send + Sync>() {}
        check::<Gate>();
    }
}
