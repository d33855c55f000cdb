//! A short form of the record: one object for custom access log formats.

use prost::encoding::{encode_varint, encoded_len_varint};

use super::Record;
use crate::reason::EventClass;

/// `Struct.fields`, and the key of its entries.
const FIRST: u8 = 0x0a;

/// The value of a `Struct.fields` entry.
const SECOND: u8 = 0x12;

/// `Value.string_value`
const STRING: u8 = 0x1a;

/// Larger than most objects.
const USUAL: usize = 512;

/// An encoded `google.protobuf.Struct` of the deciding record: `decision`, `reason`, `policy`,
/// `tool`, `inner_tool`, `principal`, `actor` and `id`, and `calls`, how many calls a batch has; all
/// strings. Fields without a value are left out.
///
/// Of several records, the deciding one is the first that was refused in its own right.
pub fn to_object(records: &[Record]) -> Vec<u8> {
    let mut object = Vec::with_capacity(USUAL);
    let deciding =
        records.iter().find(|record| record.reason.determines()).or_else(|| records.first());
    let Some(record) = deciding else { return object };
    let principal = record.principal.as_ref().map(|principal| principal.entity.as_str());
    let actor = record.actor.as_ref().map(|actor| actor.entity.as_str());
    let calls = records.iter().filter(|record| record.event_class != EventClass::Anomaly).count();
    let calls = if calls > 1 { calls.to_string() } else { String::new() };
    let fields = [
        ("id", record.id.as_str()),
        ("decision", record.decision.as_str()),
        ("reason", record.reason.as_str()),
        ("policy", &record.policies.join(" ")),
        ("tool", record.tool.as_deref().unwrap_or_default()),
        ("inner_tool", record.inner.as_ref().map(|inner| &*inner.tool).unwrap_or_default()),
        ("principal", principal.unwrap_or_default()),
        ("actor", actor.unwrap_or_default()),
        ("calls", &calls),
    ];
    for (name, text) in fields.into_iter().filter(|(_, text)| !text.is_empty()) {
        member(name, text, &mut object);
    }
    object
}

/// Appends a `Struct.fields` entry.
fn member(name: &str, text: &str, object: &mut Vec<u8>) {
    let value = delimited(text.len());
    begin(FIRST, delimited(name.len()).saturating_add(delimited(value)), object);
    begin(FIRST, name.len(), object);
    object.extend_from_slice(name.as_bytes());
    begin(SECOND, value, object);
    begin(STRING, text.len(), object);
    object.extend_from_slice(text.as_bytes());
}

/// Appends the tag and the length of a field.
fn begin(tag: u8, length: usize, object: &mut Vec<u8>) {
    object.push(tag);
    encode_varint(varint(length), object);
}

/// The size of a field with this content length, including tag and length.
fn delimited(length: usize) -> usize {
    encoded_len_varint(varint(length)).saturating_add(1).saturating_add(length)
}

fn varint(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::Struct;
    use prost_types::value::Kind;

    use super::*;
    use crate::reason::Reason;
    use crate::record::sample;

    fn read(records: &[Record]) -> Vec<(String, String)> {
        let object = Struct::decode(&*to_object(records)).unwrap();
        let text = |value: prost_types::Value| match value.kind {
            Some(Kind::StringValue(text)) => text,
            other => panic!("{other:?}"),
        };
        object.fields.into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    #[test]
    fn the_object_tells_of_the_record_that_decided() {
        let id = "x".repeat(200);
        let refused = Record {
            reason: Reason::Forbidden,
            policies: vec!["a".into(), "b".into()],
            ..sample()
        };
        let refused = Record { decision: refused.reason.decision(), id: id.clone(), ..refused };
        let batch = Record {
            reason: Reason::BatchRefused,
            decision: Reason::BatchRefused.decision(),
            ..sample()
        };
        let found = read(&[batch, refused, sample()]);
        let expected = [
            ("calls", "3"),
            ("decision", "DENY"),
            ("id", id.as_str()),
            ("policy", "a b"),
            ("reason", "forbidden"),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(found, expected);
        assert_eq!(read(&[sample()]).len(), 3);
        let anomaly = Record { event_class: EventClass::Anomaly, ..sample() };
        assert_eq!(read(&[sample(), anomaly]), read(&[sample()]));
        assert!(read(&[]).is_empty());
    }
}
