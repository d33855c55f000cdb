//! Writes the claims from which recorded fields were mapped.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::identity::{AttributeMapping, ClaimType, Requirement};
use crate::json::REDACTED;

/// Sets a claim. If a value on its path is not an object, the claim is left unchanged and reported
/// missing when the identity is built.
pub(super) fn put(claims: &mut Value, path: &[String], value: Value) {
    let Some((last, outer)) = path.split_last() else { return };
    let inner = outer.iter().try_fold(claims, |value, step| {
        let members = value.as_object_mut()?;
        Some(members.entry(step).or_insert_with(|| json!({})))
    });
    if let Some(members) = inner.and_then(Value::as_object_mut) {
        members.insert(last.clone(), value);
    }
}

/// The scopes separated by spaces, or as a list if one of them is not a single word. Without any
/// scope the claim is null, which equals an absent one.
pub(super) fn scope(scopes: &[String]) -> Value {
    let is_word = |scope: &String| !scope.is_empty() && !scope.contains(char::is_whitespace);
    if scopes.is_empty() {
        Value::Null
    } else if scopes.iter().all(is_word) {
        json!(scopes.join(" "))
    } else {
        json!(scopes)
    }
}

/// Attributes come last, since their types are the strictest: a list with one parent may have to
/// become a string.
pub(super) fn restore_attributes(
    recorded: &BTreeMap<String, Value>,
    mapping: &BTreeMap<String, AttributeMapping>,
    claims: &mut Value,
) -> Vec<String> {
    let mut withheld = Vec::new();
    for (name, attribute) in mapping {
        let Some(value) = recorded.get(name) else { continue };
        let known = matches!(attribute.claim.find(claims), Ok(Some(_)));
        if value != REDACTED {
            put(claims, attribute.claim.steps(), claimed(attribute, value));
            continue;
        }
        withheld.push(name.clone());
        if !known {
            put(claims, attribute.claim.steps(), stand_in(attribute));
        }
    }
    withheld
}

/// The claim of a recorded attribute.
fn claimed(attribute: &AttributeMapping, value: &Value) -> Value {
    let texts = value.as_array().map(|texts| texts.iter().filter_map(Value::as_str).collect());
    texts.map_or_else(|| value.clone(), |texts: Vec<&str>| attribute.form.write(&texts))
}

fn stand_in(attribute: &AttributeMapping) -> Value {
    match attribute.claim_type {
        ClaimType::String => json!(REDACTED),
        ClaimType::Bool => json!(false),
        ClaimType::Long => json!(0),
        ClaimType::Strings => attribute.form.write(&[]),
    }
}

/// Sets the claims that a bundle requires and that nothing else has set: the token had them.
pub(super) fn restore_required(required: &[Requirement], claims: &mut Value) {
    for Requirement { claim, values } in required {
        if let (None, Some(value)) = (claim.find(claims).ok().flatten(), values.first()) {
            put(claims, claim.steps(), json!(value));
        }
    }
}
