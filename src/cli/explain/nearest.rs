//! For a call that no policy permits: the policies that permit its action to others, and the part
//! of their scope that does not match.

use cedar_policy::Effect;

use crate::bundle::Layer;
use crate::cli::analysis::scope::{admits_action, admits_principal, admits_resource};
use crate::decide::CedarRequest;

/// A policy that permits the action, but not this call.
#[derive(Debug)]
pub(super) struct Near {
    /// The policy.
    pub(super) policy: String,
    /// The mismatch: `principal`, `resource`, or else the conditions.
    pub(super) misses: Vec<&'static str>,
}

/// The policies of a layer that nearly permit a call.
pub(super) fn policies(layer: &Layer, question: &CedarRequest) -> Vec<Near> {
    let request = question.request();
    let (Some(principal), Some(action), Some(resource)) =
        (request.principal(), request.action(), request.resource())
    else {
        return Vec::new();
    };
    let entities = question.entities();
    let mut near: Vec<Near> = layer
        .policies()
        .policies()
        .filter(|policy| {
            policy.effect() == Effect::Permit && admits_action(policy, action, entities)
        })
        .map(|policy| {
            let scope = [
                ("principal", admits_principal(policy, principal, entities)),
                ("resource", admits_resource(policy, resource, entities)),
            ];
            let mut misses: Vec<_> =
                scope.iter().filter(|(_, admitted)| !admitted).map(|(name, _)| *name).collect();
            if misses.is_empty() {
                misses.push("conditions");
            }
            Near { policy: policy.id().to_string(), misses }
        })
        .collect();
    near.sort_by(|a, b| (a.misses.len(), &a.policy).cmp(&(b.misses.len(), &b.policy)));
    near
}
