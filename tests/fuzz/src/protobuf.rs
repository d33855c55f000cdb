//! Claims as Envoy passes them: an encoded `envoy.config.core.v3.Metadata`.

use serde_json::Value;

use crate::pieces::Dice;

/// The metadata with the payloads of these tokens, its members in an order that the dice choose.
pub(crate) fn metadata(tokens: &Value, dice: &mut Dice) -> Vec<u8> {
    let other = field(0x0a, &entry("envoy.filters.http.other", b""));
    let claims = field(0x0a, &entry("envoy.filters.http.jwt_authn", &structure(tokens, dice)));
    shuffled(vec![other, claims, field(0x12, b"not looked at")], dice).concat()
}

/// Encodes an object as a `google.protobuf.Struct`; anything else is an empty one.
fn structure(object: &Value, dice: &mut Dice) -> Vec<u8> {
    let members = object.as_object().into_iter().flatten();
    let members = members.map(|(name, value)| field(0x0a, &entry(name, &encoded(value, dice))));
    let members = members.collect();
    shuffled(members, dice).concat()
}

fn encoded(value: &Value, dice: &mut Dice) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0],
        Value::Bool(truth) => vec![0x20, u8::from(*truth)],
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            [&[0x11][..], &number.to_le_bytes()].concat()
        }
        Value::String(text) => field(0x1a, text.as_bytes()),
        Value::Object(_) => field(0x2a, &structure(value, dice)),
        Value::Array(items) => {
            let items: Vec<_> =
                items.iter().map(|item| field(0x0a, &encoded(item, dice))).collect();
            field(0x32, &items.concat())
        }
    }
}

fn entry(name: &str, value: &[u8]) -> Vec<u8> {
    [field(0x0a, name.as_bytes()), field(0x12, value)].concat()
}

fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend_from_slice(content);
    bytes
}

fn shuffled(mut items: Vec<Vec<u8>>, dice: &mut Dice) -> Vec<Vec<u8>> {
    for position in (1..items.len()).rev() {
        items.swap(position, dice.below(position + 1));
    }
    items
}
