//! Compares settings, types and entities.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use cedar_policy::{EntityUid, SchemaFragment};
use serde_json::{Map, Value, json};

use super::change::{Bearing, Change, Kind, Part, by_name, differences};
use super::envoy::Lacking;
use super::values::{self, Difference};
use crate::bundle::{Document, EntitySource};

/// Settings that change texts but no decision.
const WORDS: [&str; 3] = ["name", "version", "refusal"];

/// The setting with patterns of tool names. What they make of a tool is compared with the tools.
const PATTERNS: &str = "classes";

/// Members of a document that are compared elsewhere or ignored. Signatures change nothing, and the
/// resolved part follows from the others.
const PARTS: [&str; 6] = ["schema", "layers", "entities", "resolved", "tools", "signatures"];

/// The differences between the manifests, by dotted key. Notes about tools are compared with the
/// tools.
pub(super) fn settings(old: &Document, new: &Document) -> Vec<Change> {
    let (before, after) = (manifest(old), manifest(new));
    let lacking = Lacking::between(old, new);
    let found = values::differences(Some(&before), Some(&after)).into_iter().map(|difference| {
        let path: Vec<&str> = difference.path.iter().map(String::as_str).collect();
        let words = match path.as_slice() {
            ["servers", _, member, ..] => *member == PATTERNS,
            [name, ..] => WORDS.contains(name),
            [] => false,
        };
        let name = difference.path.join(".");
        Change {
            part: Part::Setting,
            kind: kind(&difference),
            bearing: if words { Bearing::None } else { Bearing::MayWiden },
            needs_envoy: lacking.has(&name, &difference),
            name,
            differences: vec![Difference { path: Vec::new(), ..difference }],
            texts: None,
        }
    });
    found.collect()
}

fn kind(difference: &Difference) -> Kind {
    match (&difference.before, &difference.after) {
        (None, _) => Kind::Added,
        (Some(_), None) => Kind::Removed,
        (Some(_), Some(_)) => Kind::Changed,
    }
}

/// The manifest, and all other members of the document that have no comparison of their own.
fn manifest(document: &Document) -> Value {
    let mut whole = serde_json::to_value(document).unwrap_or_default();
    let Some(members) = whole.as_object_mut() else { return whole };
    members.retain(|name, _| !PARTS.contains(&name.as_str()));
    let mut manifest = members.remove("manifest").unwrap_or_default();
    let servers = manifest.get_mut("servers").and_then(Value::as_object_mut);
    for server in servers.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        // The path of the tools file does not affect its content.
        server.remove("tools_from");
        server.remove("tools");
    }
    members.extend(manifest.as_object().cloned().unwrap_or_default());
    whole
}

/// The differences between the types that the authors declare.
pub(super) fn types(old: &Document, new: &Document) -> Vec<Change> {
    by_name(Part::Type, &declared(old), &declared(new), |_, before, after| {
        Some((Bearing::MayWiden, differences(before, after)?))
    })
}

/// The declarations of a schema by name, in Cedar's JSON format.
fn declared(document: &Document) -> BTreeMap<String, Value> {
    let fragment = SchemaFragment::from_str(&document.schema).ok();
    let json = fragment.and_then(|fragment| fragment.to_json_value().ok()).unwrap_or_default();
    let mut found = BTreeMap::new();
    for (namespace, parts) in json.as_object().into_iter().flatten() {
        let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}::") };
        for kind in ["entityTypes", "commonTypes", "actions"] {
            let members = parts.get(kind).and_then(Value::as_object);
            for (name, declaration) in members.into_iter().flatten() {
                let name = match kind {
                    "actions" => format!("{prefix}Action::{name:?}"),
                    _ => format!("{prefix}{name}"),
                };
                found.insert(name, declaration.clone());
            }
        }
    }
    found
}

/// The differences between the static entities.
pub(super) fn entities(old: &Document, new: &Document) -> Vec<Change> {
    by_name(Part::Entity, &by_uid(&old.entities), &by_uid(&new.entities), |_, before, after| {
        Some((Bearing::MayWiden, differences(before, after)?))
    })
}

fn by_uid(entities: &[EntitySource]) -> BTreeMap<String, Value> {
    // Normalizes the spelling of each entity.
    let spelled =
        |uid: &String| EntityUid::from_str(uid).map_or_else(|_| uid.clone(), |uid| uid.to_string());
    let entry = |entity: &EntitySource| {
        let parents: Vec<String> = entity.parents.iter().map(spelled).collect();
        (spelled(&entity.uid), json!({ "parents": parents, "attributes": entity.attrs }))
    };
    entities.iter().map(entry).collect()
}
