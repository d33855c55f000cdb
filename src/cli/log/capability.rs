//! Rebuilds the claims of recorded capabilities.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::claims::{put, restore_attributes, restore_required, scope};
use super::line::{CapabilityField, PrincipalField};
use crate::identity::{CapabilityMapping, IdentityMapping};

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
        withheld.extend(restore_limits(field, principal, each, claims));
    }
    withheld
}

/// Sets the claims that say what a capability is limited to.
fn restore_limits(
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
    let withheld = restore_attributes(&field.attributes, &mapping.attributes, claims);
    restore_required(&mapping.require, claims);
    withheld
}

/// Whether the recorded capabilities may come beside a principal's token of this name.
pub(super) fn are_beside(
    recorded: &[CapabilityField],
    mapping: &IdentityMapping,
    token: &str,
) -> bool {
    let is_recorded =
        |each: &&CapabilityMapping| recorded.iter().any(|field| field.token == each.token);
    let mut presented = mapping.capabilities.iter().filter(is_recorded);
    presented.all(|each| match each.header {
        // It is the principal's token itself.
        None => each.token == token,
        Some(_) => each.beside.is_empty() || each.beside.iter().any(|name| name == token),
    })
}
