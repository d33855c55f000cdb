//! Entities resolved against the schema, so that they parse without it.

use std::collections::BTreeSet;

use cedar_policy::Entities;
use serde_json::Value;

use crate::bundle::{Code, Finding, Resolved, Site};

/// All entities in Cedar JSON, sorted by UID, with explicit entity and extension values.
pub(super) fn of(
    entities: &Entities,
    types: BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> Resolved {
    let mut written = Vec::new();
    for entity in entities.iter() {
        match entity.to_json_value() {
            Ok(json) => written.push((entity.uid().to_string(), sorted(json))),
            Err(error) => findings.push(Finding::new(Code::Entity, site(), error.to_string())),
        }
    }
    written.sort_by(|(a, _), (b, _)| a.cmp(b));
    Resolved { entities: written.into_iter().map(|(_, entity)| entity).collect(), types }
}

/// Parses resolved entities.
pub(super) fn entities(resolved: Resolved, findings: &mut Vec<Finding>) -> Entities {
    Entities::from_json_value(Value::Array(resolved.entities), None).unwrap_or_else(|error| {
        findings.push(Finding::new(Code::Entity, site(), error.to_string()));
        Entities::empty()
    })
}

/// The stored result differs from what the rest of the document resolves to.
pub(super) fn changed() -> Finding {
    let finding =
        Finding::new(Code::Entity, site(), "this is not what the document's other parts make");
    finding.with_help("build the bundle again")
}

fn site() -> Site {
    Site::Manifest("resolved".to_owned())
}

/// Sorts parents, which have no order of their own.
fn sorted(mut entity: Value) -> Value {
    if let Some(Value::Array(parents)) = entity.get_mut("parents") {
        parents.sort_by_cached_key(Value::to_string);
    }
    entity
}
