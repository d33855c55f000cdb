//! What a record tells about policies that read what it withholds: whether they matched.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, Policy};
use serde_json::json;

use crate::bundle::{Bundle, Layer, LayerName};
use crate::cli::recorded::Recorded;
use crate::reason::Reason;

/// Policies by id, and whether they matched the recorded call.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<String, bool>);

impl Known {
    /// What a record of this bundle tells. Of the layers that permitted the call, no `forbid`
    /// matched; of the one that refused it, only those that the record names, and where it names
    /// none, nothing matched. The layers after that one were not asked.
    pub(super) fn of(recorded: &Recorded, bundle: &Bundle, changed: &BTreeSet<String>) -> Self {
        let refused_by = match recorded.reason() {
            Some(Reason::Permitted | Reason::BatchRefused) => None,
            Some(Reason::Forbidden | Reason::NotPermitted) => {
                let layer = recorded.layer.clone().and_then(|name| LayerName::try_from(name).ok());
                let Some(layer) = layer else { return Self::default() };
                Some(layer)
            }
            _ => return Self::default(),
        };
        let known = bundle.layers.iter().filter_map(|layer| {
            let refused = refused_by.as_ref().is_some_and(|name| *name == layer.name);
            let asked = refused_by.as_ref().is_none_or(|name| rank(&layer.name) < rank(name));
            (refused || asked).then(|| told(recorded, layer, refused))
        });
        Self(known.flatten().filter(|(id, _)| !changed.contains(id)).collect())
    }

    /// Whether a policy matched the recorded call, if that is known.
    pub(super) fn matches(&self, policy: &str) -> Option<bool> {
        self.0.get(policy).copied()
    }

    /// The policy as it is known to have matched: whatever the arguments are, or not at all.
    pub(super) fn revised(&self, policy: &Policy) -> Option<Policy> {
        match self.matches(policy.id().to_string().as_str()) {
            Some(true) => {
                let mut revised = policy.to_json().ok()?;
                revised.as_object_mut()?.insert("conditions".to_owned(), json!([]));
                Policy::from_json(Some(policy.id().clone()), revised).ok()
            }
            Some(false) => None,
            None => Some(policy.clone()),
        }
    }
}

/// What the record tells about the policies of one layer, one that refused the call or permitted it.
fn told<'a>(
    recorded: &'a Recorded,
    layer: &'a Layer,
    refused: bool,
) -> impl Iterator<Item = (String, bool)> + 'a {
    let reason = recorded.reason();
    layer.policies.policies().filter_map(move |policy| {
        let id = policy.id().to_string();
        let named = recorded.policies.contains(&id);
        let told = match (policy.effect(), refused) {
            (Effect::Forbid, _) => Some(refused && named),
            // Of a call that was refused for something else, the record names no permit.
            (Effect::Permit, false) => (reason == Some(Reason::Permitted)).then_some(named),
            (Effect::Permit, true) => (reason == Some(Reason::NotPermitted)).then_some(false),
        };
        Some((id, told?))
    })
}

/// Layers of a lower rank are asked first; those of one rank in an order that depends on the caller.
fn rank(layer: &LayerName) -> u8 {
    match layer {
        LayerName::Org => 0,
        LayerName::Tenant(_) => 1,
        LayerName::Team(_) => 2,
        LayerName::Agent(_) => 3,
    }
}
