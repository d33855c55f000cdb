//! Claims as Envoy passes them.

use serde_json::Value;

/// `envoy.config.core.v3.Metadata` with the token payloads from `jwt_authn`.
pub(crate) fn metadata(tokens: &Value) -> Vec<u8> {
    member(("envoy.filters.http.jwt_authn", structure(tokens)))
}

fn structure(object: &Value) -> Vec<u8> {
    let members = object.as_object().expect("an object").iter();
    members.flat_map(|(name, value)| member((name, encoded(value)))).collect()
}

fn member((name, value): (&str, Vec<u8>)) -> Vec<u8> {
    field(0x0a, &[field(0x0a, name.as_bytes()), field(0x12, &value)].concat())
}

fn encoded(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0],
        Value::Bool(truth) => vec![0x20, u8::from(*truth)],
        Value::Number(number) => {
            let number = number.as_f64().expect("a double");
            [&[0x11][..], &number.to_le_bytes()].concat()
        }
        Value::String(text) => field(0x1a, text.as_bytes()),
        Value::Object(_) => field(0x2a, &structure(value)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| field(0x0a, &encoded(item))).collect();
            field(0x32, &items.concat())
        }
    }
}

fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("claims are short");
    let [high, low] = [length >> 7, length & 0x7f].map(|seven| seven.to_le_bytes()[0]);
    let length = if high == 0 { vec![low] } else { vec![low | 0x80, high] };
    [&[tag], &length[..], content].concat()
}
