//! Compares layers and policies, as Cedar parses them.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, Policy};
use serde_json::{Map, Value};

use super::change::{Bearing, Change, Kind, Part, by_name};
use super::failing::can_fail;
use super::values;
use crate::bundle::Document;

/// Annotations that the gate only repeats. Other annotations can affect how a policy is enforced.
const WORDS: [&str; 4] = ["id", "reason", "severity", "description"];

/// A policy with its layer.
struct Placed {
    layer: String,
    source: String,
    policy: Policy,
    /// Cedar's JSON format, without formatting and comments.
    meaning: Map<String, Value>,
}

/// Added and removed layers.
pub(super) fn layers(old: &Document, new: &Document) -> Vec<Change> {
    let (before, after) = (names(old), names(new));
    let changes = before.symmetric_difference(&after).map(|name| Change {
        part: Part::Layer,
        name: name.clone(),
        kind: if before.contains(name) { Kind::Removed } else { Kind::Added },
        // A tenant may need the layer to be served at all.
        bearing: Bearing::MayWiden,
        needs_envoy: false,
        differences: Vec::new(),
        texts: None,
    });
    changes.collect()
}

fn names(document: &Document) -> BTreeSet<String> {
    document.layers.keys().map(ToString::to_string).collect()
}

/// The differences between the policies, by `@id`.
pub(super) fn policies(old: &Document, new: &Document) -> Vec<Change> {
    let (before, after) = (placed(old), placed(new));
    let mut changes = by_name(Part::Policy, &before, &after, |_, before, after| {
        let differences = match (before, after) {
            (Some(before), Some(after)) => {
                let found = values::differences(Some(&before.value()), Some(&after.value()));
                if found.is_empty() {
                    return None;
                }
                found
            }
            (None, _) | (_, None) => Vec::new(),
        };
        Some((bearing(before, after), differences))
    });
    for change in &mut changes {
        let text = |side: &BTreeMap<String, Placed>| {
            side.get(&change.name).map(|placed| placed.source.clone()).unwrap_or_default()
        };
        change.texts = Some([text(&before), text(&after)]);
        // Cedar's JSON for two scopes or conditions is long and less readable than the two texts.
        if change.kind == Kind::Changed {
            let mut aspects: Vec<_> = std::mem::take(&mut change.differences);
            for aspect in &mut aspects {
                let annotation = aspect.path.first().is_some_and(|name| name == "annotations");
                aspect.path.truncate(if annotation { 2 } else { 1 });
                if !annotation {
                    (aspect.before, aspect.after) = (None, None);
                }
            }
            aspects.dedup();
            change.differences = aspects;
        }
    }
    changes
}

fn placed(document: &Document) -> BTreeMap<String, Placed> {
    let mut found = BTreeMap::new();
    for (layer, policies) in &document.layers {
        for written in policies.iter() {
            // A policy that does not parse does not load.
            let Ok(policy) = Policy::parse(None, written.source) else { continue };
            let meaning = policy.to_json().ok().and_then(|json| json.as_object().cloned());
            let placed = Placed {
                layer: ToString::to_string(layer),
                source: written.source.to_owned(),
                policy,
                meaning: meaning.unwrap_or_default(),
            };
            found.insert(written.id.to_owned(), placed);
        }
    }
    found
}

impl Placed {
    /// Everything that is compared.
    fn value(&self) -> Value {
        let mut value = self.meaning.clone();
        value.insert("layer".to_owned(), self.layer.clone().into());
        Value::Object(value)
    }

    /// The same without texts for people.
    fn decisive(&self) -> Value {
        let mut value = self.value();
        if let Some(annotations) = value.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !WORDS.contains(&name.as_str()));
            if annotations.is_empty() {
                value.as_object_mut().map(|value| value.remove("annotations"));
            }
        }
        value
    }
}

/// Adding a forbid or removing a permit refuses more calls. But a policy whose evaluation fails
/// refuses the call, so removing a policy that can fail may permit more.
fn bearing(before: Option<&Placed>, after: Option<&Placed>) -> Bearing {
    match (before, after) {
        (Some(before), Some(after)) if before.decisive() == after.decisive() => Bearing::None,
        (None, Some(added)) if added.policy.effect() == Effect::Forbid => Bearing::Narrows,
        (Some(removed), None) => {
            let permit = removed.policy.effect() == Effect::Permit;
            if permit && !can_fail(&removed.value()) { Bearing::Narrows } else { Bearing::MayWiden }
        }
        (Some(_), Some(_)) | (None, _) => Bearing::MayWiden,
    }
}
