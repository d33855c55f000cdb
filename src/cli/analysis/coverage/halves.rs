//! The policies of a layer by effect.

use cedar_policy::{Effect, Policy, PolicySet};

use crate::bundle::Layer;

/// The policies of a layer by effect. Evaluated alone, all matching policies of one effect are
/// determining.
#[derive(Debug)]
pub(super) struct Halves {
    pub(super) permits: PolicySet,
    pub(super) forbids: PolicySet,
}

impl Halves {
    /// The chosen policies of a layer.
    pub(super) fn of(layer: &Layer, is_chosen: impl Fn(&Policy) -> bool) -> Self {
        let half = |effect: Effect| {
            let policies = layer.policies().policies();
            let policies = policies.filter(|it| it.effect() == effect && is_chosen(it));
            // The policies are from one set, so their ids are unique.
            PolicySet::from_policies(policies.cloned()).unwrap_or_default()
        };
        Self { permits: half(Effect::Permit), forbids: half(Effect::Forbid) }
    }
}
