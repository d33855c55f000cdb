//! Infers from a record whether policies that read withheld values matched the call.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, Policy};
use serde_json::json;

use crate::bundle::{Bundle, Layer, LayerName};
use crate::cli::log::Recorded;
use crate::reason::Reason;

/// Policies by id, and whether they matched the recorded call.
#[derive(Debug, Default)]
pub(super) struct InferredMatches(BTreeMap<String, bool>);

impl InferredMatches {
    /// Infers the matches from a record of this bundle. In the layers that permitted the call, no
    /// `forbid` matched. In the layer that refused it, only the recorded policies matched; if none
    /// are recorded, no policy matched. Later layers were not evaluated.
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

    /// Whether a policy matched the recorded call, if known.
    pub(super) fn matches(&self, policy: &str) -> Option<bool> {
        self.0.get(policy).copied()
    }

    /// The policy with its match fixed: one that always matches, or `None` if it did not match.
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

/// The inferred matches of one layer that refused or permitted the call.
fn told<'a>(
    recorded: &'a Recorded,
    layer: &'a Layer,
    refused: bool,
) -> impl Iterator<Item = (String, bool)> + 'a {
    let reason = recorded.reason();
    layer.policies().policies().filter_map(move |policy| {
        let id = policy.id().to_string();
        let named = recorded.policies.contains(&id);
        let told = match (policy.effect(), refused) {
            (Effect::Forbid, _) => Some(refused && named),
            // If the call was refused for another reason, the record names no permit.
            (Effect::Permit, false) => (reason == Some(Reason::Permitted)).then_some(named),
            (Effect::Permit, true) => (reason == Some(Reason::NotPermitted)).then_some(false),
        };
        Some((id, told?))
    })
}

/// Layers with a lower rank are evaluated first; the order within a rank depends on the caller.
fn rank(layer: &LayerName) -> u8 {
    match layer {
        LayerName::Org => 0,
        LayerName::Tenant(_) => 1,
        LayerName::Team(_) => 2,
        LayerName::Agent(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{bundle, fixture};

    /// The fixture's bundle with a layer for each kind of caller.
    fn bundle() -> Bundle {
        let mut document = fixture::document_json();
        let policy = |id: &str, effect: &str| {
            let source = format!("@id(\"{id}\") {effect} (principal, action, resource);");
            json!({ "id": id, "source": source })
        };
        for layer in ["tenant/acme", "agent/a", "agent/b"] {
            let whose = layer.replace('/', "-");
            document["layers"][layer] = json!([
                policy(&format!("{whose}-permit"), "permit"),
                policy(&format!("{whose}-forbid"), "forbid"),
            ]);
        }
        let document = serde_json::from_value(document).expect("a document");
        bundle::load(&document).expect("a bundle").bundle
    }

    fn recorded(reason: &str, layer: Option<&str>, policies: &[&str]) -> Recorded {
        let gate = fixture::gate();
        let failed = crate::exchange::Exchange::default().fail(&gate, "for its record");
        let line = failed.records.first().map(crate::record::Record::to_line).unwrap_or_default();
        let mut record: Value = serde_json::from_str(&line).expect("a record");
        record["reason"] = json!(reason);
        record["layer"] = json!(layer);
        record["policies"] = json!(policies);
        serde_json::from_value(record).expect("a record")
    }

    #[track_caller]
    fn check(recorded: &Recorded, matched: &[&str], missed: &[&str], open: &[&str]) {
        let changed = BTreeSet::from(["limit".to_owned()]);
        let known = InferredMatches::of(recorded, &bundle(), &changed);
        for (ids, expected) in [(matched, Some(true)), (missed, Some(false)), (open, None)] {
            for id in ids {
                assert_eq!(known.matches(id), expected, "{id}");
            }
        }
        assert_eq!(known.matches("limit"), None, "it is another policy now");
    }

    #[test]
    fn a_permit_tells_of_every_layer() {
        check(
            &recorded("permitted", Some("tenant/acme"), &["reads", "tenant-acme-permit"]),
            &["reads", "tenant-acme-permit"],
            &["refunds", "tenant-acme-forbid", "agent-a-forbid"],
            &[],
        );
    }

    #[test]
    fn a_refusal_tells_of_the_layers_that_were_asked() {
        check(
            &recorded("forbidden", Some("tenant/acme"), &["tenant-acme-forbid"]),
            &["tenant-acme-forbid"],
            &[],
            &["reads", "tenant-acme-permit", "agent-a-forbid", "agent-b-permit"],
        );
        // The order of the agents' layers depends on the chain.
        check(
            &recorded("not_permitted", Some("agent/b"), &[]),
            &[],
            &["tenant-acme-forbid", "agent-b-permit", "agent-b-forbid"],
            &["reads", "agent-a-permit", "agent-a-forbid"],
        );
        check(&recorded("policy_error", Some("org"), &["reads"]), &[], &[], &["reads", "refunds"]);
    }

    #[test]
    fn a_known_policy_asks_nothing_more() {
        let bundle = bundle();
        let id = cedar_policy::PolicyId::new("limit");
        let (_, policy) = bundle.layers.policy(&id).expect("the policy");
        let revised =
            |matched| InferredMatches([("limit".to_owned(), matched)].into()).revised(policy);
        assert!(revised(false).is_none());
        let always = revised(true).expect("a policy");
        assert_eq!((always.effect(), always.id()), (Effect::Forbid, &id));
        assert!(!always.to_string().contains("amount"));
        assert_eq!(InferredMatches::default().revised(policy).as_ref(), Some(policy));
    }
}
