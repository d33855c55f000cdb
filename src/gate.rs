//! A bundle that is loaded and ready to decide, and who has asked it lately.

mod caller;
mod sender_cache;

use std::sync::Arc;

use serde::Serialize;

pub use caller::Caller;
pub(crate) use sender_cache::{Sender, SenderCache};

use crate::bundle::Bundle;
use crate::json::Shared;

/// A bundle in force, and where it is in force. Immutable but for its cache; an update is another
/// gate.
#[derive(Debug)]
pub struct Gate {
    /// The policies and everything about them.
    pub bundle: Bundle,
    /// A bundle that is asked the same after the decision, and has no say in it.
    pub candidate: Option<Box<Gate>>,
    /// The environment that policies and records see, such as `production`.
    pub environment: Arc<str>,
    /// How records name this gate.
    pub id: Shared<GateId>,
    pub(crate) senders: SenderCache,
}

/// How records name a gate.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GateId {
    /// The proxy's node id.
    pub node: String,
    /// The plugin's name.
    pub plugin: String,
    /// The VM's id, with a tag that tells workers and pushes apart.
    pub vm: String,
}

impl Gate {
    /// A gate without a name, and with no candidate.
    pub fn new(bundle: Bundle, environment: String) -> Self {
        Self {
            bundle,
            candidate: None,
            environment: environment.into(),
            id: Shared::new(GateId::default()),
            senders: SenderCache::default(),
        }
    }

    /// The same gate with a candidate beside its bundle, which never makes more values of a call than
    /// the bundle would.
    #[must_use]
    pub fn beside(self, candidate: Option<Bundle>) -> Self {
        let gate = |mut bundle: Bundle| {
            bundle.limits.values = bundle.limits.values.min(self.bundle.limits.values);
            Self::new(bundle, self.environment.to_string())
        };
        Self { candidate: candidate.map(gate).map(Box::new), ..self }
    }

    /// The same gate with a name for its records.
    #[must_use]
    pub fn named(self, id: &GateId) -> Self {
        Self { id: Shared::new(id.clone()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A native edge can share one gate between its threads.
    #[test]
    fn a_gate_is_send_and_sync() {
        fn check<T: Send + Sync>() {}
        check::<Gate>();
    }
}
