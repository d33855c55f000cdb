//! What each party of a call may do by itself, where each needs the right by itself.

use cedar_policy::Authorizer;
use serde_json::{Value, json};

use crate::bundle::{Layer, LayerName};
use crate::decide::CedarRequest;
use crate::reason::Reason;

/// A party of a call, and what policies say about its own call.
#[derive(Debug)]
pub(super) struct Party {
    /// The Cedar entity, such as `Agent::"bot"`.
    pub(super) entity: String,
    reason: Reason,
    /// The refusing layer.
    layer: Option<LayerName>,
    /// The determining policies.
    policies: Vec<String>,
}

/// The principal and the agents of a call; nothing where only the principal needs the right.
pub(super) fn of(
    layers: &[&Layer],
    principal: &CedarRequest,
    agents: &[CedarRequest],
) -> Vec<Party> {
    if agents.is_empty() {
        return Vec::new();
    }
    std::iter::once(principal).chain(agents).map(|own| Party::of(layers, own)).collect()
}

/// The question of the party that a record names, or of the principal.
pub(super) fn asked<'a>(
    party: Option<&str>,
    principal: &'a CedarRequest,
    agents: &'a [CedarRequest],
) -> &'a CedarRequest {
    agents.iter().find(|own| party == Some(&*entity(own))).unwrap_or(principal)
}

impl Party {
    fn of(layers: &[&Layer], own: &CedarRequest) -> Self {
        let (mut policies, entity) = (Vec::new(), entity(own));
        for layer in layers {
            let answer =
                Authorizer::new().is_authorized(own.request(), layer.policies(), own.entities());
            let ids = answer.diagnostics().reason().map(ToString::to_string);
            let is_permitted = answer.decision() == cedar_policy::Decision::Allow;
            let mut ids: Vec<String> = ids.collect();
            ids.sort_unstable();
            let reason = match (answer.diagnostics().errors().next(), is_permitted) {
                (Some(_), _) => Reason::PolicyError,
                (None, false) if ids.is_empty() => Reason::NotPermitted,
                (None, false) => Reason::Forbidden,
                (None, true) => {
                    policies.extend(ids);
                    continue;
                }
            };
            return Self { entity, reason, layer: Some(layer.name.clone()), policies: ids };
        }
        Self { entity, reason: Reason::Permitted, layer: None, policies }
    }

    /// What it may do, in words.
    pub(super) fn told(&self) -> String {
        let (entity, reason) = (&self.entity, self.reason.as_str());
        let place = self.layer.as_ref().map(|layer| format!(" by {layer}")).unwrap_or_default();
        let policies = self.policies.join(", ");
        let policies = if policies.is_empty() { policies } else { format!(": {policies}") };
        if self.reason == Reason::Permitted {
            format!("{entity}: {reason}{policies}")
        } else {
            format!("{entity}: {reason}{place}{policies}, which takes the call away")
        }
    }

    /// The same as JSON.
    pub(super) fn json(&self) -> Value {
        let Self { entity, reason, layer, policies } = self;
        json!({ "party": entity, "reason": reason, "layer": layer, "policies": policies })
    }
}

fn entity(own: &CedarRequest) -> String {
    own.request().principal().map(ToString::to_string).unwrap_or_default()
}
