//! Envoy's metadata: an encoded `envoy.config.core.v3.Metadata`, which preserves nested claims, arrays
//! and nulls.

use std::collections::BTreeMap;

use prost::{DecodeError, Message};
use prost_types::value::Kind;
use prost_types::{Struct, Value as ProtoValue};
use serde_json::{Map, Value};

/// The metadata, as far as needed: each filter's `Struct` stays encoded.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, bytes", tag = "1")]
    filter_metadata: BTreeMap<String, Vec<u8>>,
}

/// What the metadata has under a filter's name.
///
/// # Errors
///
/// Values that do not decode. From Envoy, these are only values nested some thirty levels deep.
pub(crate) fn of_filter(
    metadata: &[u8],
    name: &str,
) -> Result<impl Iterator<Item = (String, Value)>, DecodeError> {
    let metadata = Metadata::decode(metadata)?;
    let values = metadata.filter_metadata.get(name).map_or(&[][..], Vec::as_slice);
    Ok(Struct::decode(values)?.fields.into_iter().map(|(name, value)| (name, json(value))))
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

/// A whole number; metadata holds every number as a double.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within ±2^53, so exact")]
    Some(number as i64)
}

/// The largest integer that a double represents exactly.
const EXACT: f64 = 9_007_199_254_740_991.0;
