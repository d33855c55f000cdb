//! Verified tokens from Envoy's dynamic metadata.
//!
//! The metadata is read as a whole, because it is then an encoded `envoy.config.core.v3.Metadata`
//! that preserves nested claims, arrays and nulls.

use std::collections::BTreeMap;

use prost::{DecodeError, Message};
use prost_types::value::Kind;
use prost_types::{Struct, Value as ProtoValue};
use serde_json::{Map, Value};

/// The namespace of Envoy's JWT filter, the only one that is read.
pub(super) const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// `envoy.config.core.v3.Metadata`, as far as needed: each filter's `Struct` stays encoded.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, bytes", tag = "1")]
    filter_metadata: BTreeMap<String, Vec<u8>>,
}

/// Payloads of verified tokens, by the name under which `jwt_authn` stores them.
///
/// # Errors
///
/// Claims that do not decode. From Envoy, these are only tokens nested some thirty levels deep.
pub(super) fn verified_tokens(metadata: &[u8]) -> Result<BTreeMap<String, Value>, DecodeError> {
    let metadata = Metadata::decode(metadata)?;
    let payloads = metadata.filter_metadata.get(JWT_AUTHN).map_or(&[][..], Vec::as_slice);
    let payloads = Struct::decode(payloads)?;
    Ok(payloads.fields.into_iter().map(|(name, value)| (name, json(value))).collect())
}

fn json(value: ProtoValue) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(number)) => Value::from(number),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json).collect(),
        Some(Kind::StructValue(object)) => Value::Object(
            object.fields.into_iter().map(|(k, v)| (k, json(v))).collect::<Map<_, _>>(),
        ),
    }
}
