//! Verified tokens from Envoy's dynamic metadata.

use std::collections::BTreeMap;

use prost::DecodeError;
use serde_json::Value;

use crate::metadata;

/// The namespace of Envoy's JWT filter, the only one that is read.
pub(super) const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// Payloads of verified tokens, by the name under which `jwt_authn` stores them.
///
/// # Errors
///
/// Claims that do not decode. From Envoy, these are only tokens nested some thirty levels deep.
pub(super) fn verified_tokens(metadata: &[u8]) -> Result<BTreeMap<String, Value>, DecodeError> {
    Ok(metadata::of_filter(metadata, JWT_AUTHN)?.collect())
}
