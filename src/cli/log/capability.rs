//! Rebuilds the claims of recorded capabilities.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::claims::{put, restore_attributes, scope};
use super::line::{PrincipalField, entities, time};
use crate::identity::{CapabilityMapping, IdentityMapping};

/// A capability in a record.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct CapabilityField {
    token: String,
    issuer: Option<String>,
    txn: Option<String>,
    #[serde(deserialize_with = "time")]
    expires: Option<DateTime<Utc>>,
    scopes: Option<BTreeSet<String>>,
    tools: Option<BTreeSet<String>>,
    #[serde(default, deserialize_with = "resources")]
    resources: Vec<EntityUid>,
    attributes: BTreeMap<String, Value>,
}

fn resources<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<EntityUid>, D::Error> {
    #[derive(Deserialize)]
    struct Entities(#[serde(deserialize_with = "entities")] Vec<EntityUid>);
    Ok(Option::<Entities>::deserialize(deserializer)?.map(|all| all.0).unwrap_or_default())
}

/// Adds the claims of capabilities to the tokens of a restored identity, and returns the attributes
/// whose values the record withholds.
pub(super) fn restore(
    recorded: &[CapabilityField],
    (principal, id): (&PrincipalField, &str),
    mapping: &IdentityMapping,
    tokens: &mut BTreeMap<String, Value>,
) -> Vec<String> {
    let mut withheld = Vec::new();
    for each in &mapping.capabilities {
        let Some(field) = recorded.iter().find(|field| field.token == each.token) else { continue };
        // The token that names the principal has claims already.
        let claims = tokens.entry(each.token.clone()).or_insert_with(|| {
            let mut claims = json!({ "iss": field.issuer, "txn": field.txn });
            put(&mut claims, each.subject.steps(), json!(id));
            claims
        });
        withheld.extend(granted(field, principal, each, claims));
    }
    withheld
}

fn granted(
    field: &CapabilityField,
    principal: &PrincipalField,
    mapping: &CapabilityMapping,
    claims: &mut Value,
) -> Vec<String> {
    put(claims, &["exp".to_owned()], json!(field.expires.map(|time| time.timestamp())));
    if let Some(audience) = &mapping.audience {
        put(claims, &["aud".to_owned()], json!(audience));
    }
    if let Some(tenant) = &mapping.tenant {
        put(claims, tenant.steps(), json!(principal.tenant));
    }
    if let (Some(path), Some(scopes)) = (&mapping.scopes, &field.scopes) {
        let scopes: Vec<String> = scopes.iter().cloned().collect();
        let claim = if scopes.is_empty() { json!([]) } else { scope(&scopes) };
        put(claims, path.steps(), claim);
    }
    if let (Some(tools), Some(names)) = (&mapping.tools, &field.tools) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        put(claims, tools.claim().steps(), tools.form().write(&names));
    }
    for each in &mapping.resources {
        let of_type = field.resources.iter();
        let of_type = of_type.filter(|uid| uid.type_name() == each.entity_type.as_cedar());
        let ids: Vec<&str> = of_type.map(|uid| uid.id().unescaped()).collect();
        put(claims, each.claim.steps(), each.form.write(&ids));
    }
    restore_attributes(&field.attributes, &mapping.attributes, claims)
}
