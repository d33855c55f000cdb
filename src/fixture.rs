//! A small bundle for unit tests: one server, two tools, three policies.

use std::hash::BuildHasher as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use foldhash::fast::FixedState;
use serde_json::{Value, json};

use crate::bundle::{self, Bundle, Document};
use crate::gate::Gate;
use crate::key::PrivateKey;
use crate::tool;

pub(crate) fn document_json() -> Value {
    json!({
        "format": "toolgate.bundle/1",
        "manifest": {
            "name": "fixture",
            "version": 3,
            "identity": {
                "principal": {
                    "tokens": ["session", "partner"],
                    "type": "User",
                    "attributes": { "tenant": { "claim": "tenant", "type": "String" } },
                    "parents": [{ "claim": "roles", "type": "Role" }],
                    "tenant": "tenant"
                },
                "actor": { "type": "Agent", "max_depth": 3 }
            },
            "layers": { "unknown_tenant": "org" },
            "channels": [{ "path": "/pay/mcp", "server": "pay" }],
            "mcp": { "methods": ["resources/read"] },
            "servers": { "pay": { "tools_from": "tools/pay.json", "tools": {
                "refund": { "classes": ["money"], "cost": 3, "redact": ["note"] }
            } } },
            "limits": { "body_bytes": 2000, "calls": 3 }
        },
        "schema": "entity Role; entity User in [Role] { tenant: String }; entity Agent; entity Server;",
        "layers": { "org": [
            policy("reads", r#"@id("reads") permit (principal in Role::"rep", action == Action::"pay/get", resource);"#),
            policy("refunds", r#"@id("refunds") permit (principal in Role::"rep", action == Action::"pay/refund", resource);"#),
            policy("limit", r#"@id("limit") @reason("At most 500. Ask finance.") forbid (principal, action == Action::"pay/refund", resource) when { context.input.amount > 500 };"#),
        ] },
        "entities": [{ "uid": "Server::\"pay\"" }],
        "tools": { "pay": tool::read_tools(&listed()).expect("the tools read") }
    })
}

/// The tools as the server lists them.
pub(crate) fn listed() -> Value {
    json!([
        { "name": "get", "description": "Get a payment.", "x": 1.50,
            "inputSchema": { "type": "object", "properties": {
                "id": { "type": "string", "x-mcp-header": "Payment" } }, "required": ["id"] } },
        { "name": "refund", "description": "Refund a payment.", "x": 1.50,
            "inputSchema": { "type": "object", "properties": {
                "amount": { "type": "integer" }, "note": { "type": "string" } }, "required": ["amount"] } },
    ])
}

/// A key that signs; each number has another one.
pub(crate) fn key(number: u8) -> PrivateKey {
    const PKCS8: [u8; 16] =
        [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = [&PKCS8[..], &[number; 32]].concat();
    STANDARD.encode(der).parse().expect("the key reads")
}

fn policy(id: &str, source: &str) -> Value {
    json!({ "id": id, "source": source })
}

pub(crate) fn document() -> Document {
    serde_json::from_value(document_json()).expect("the fixture reads")
}

pub(crate) fn bundle() -> Bundle {
    bundle::load(&document()).expect("the fixture loads").bundle
}

pub(crate) fn gate() -> Gate {
    Gate::new(bundle(), "test".to_owned())
}

pub(crate) fn claims() -> Value {
    json!({ "iss": "https://id", "sub": "alice", "roles": ["rep"], "tenant": "acme", "act": { "sub": "bot" } })
}

/// Envoy's metadata for these tokens. The members of every struct are in an order derived from
/// `turn` and their names.
pub(crate) fn metadata(tokens: &Value, turn: u64) -> Vec<u8> {
    let other = field(0x0a, &[field(0x0a, b"other"), field(0x12, b"")].concat());
    let typed = field(0x12, b"not looked at");
    let name = field(0x0a, b"envoy.filters.http.jwt_authn");
    let claims = field(0x0a, &[name, field(0x12, &structure(tokens, turn))].concat());
    let mut fields = [other, typed, claims];
    fields.sort_by_key(|field| in_turn(turn, field));
    fields.concat()
}

fn in_turn(turn: u64, name: &[u8]) -> u64 {
    FixedState::with_seed(turn).hash_one(name)
}

/// Encodes an object as a `google.protobuf.Struct`.
pub(crate) fn structure(object: &Value, turn: u64) -> Vec<u8> {
    let mut members: Vec<_> = object.as_object().expect("an object").iter().collect();
    members.sort_by_key(|(name, _)| in_turn(turn, name.as_bytes()));
    let member = |(name, value): (&String, &Value)| {
        let entry = [field(0x0a, name.as_bytes()), field(0x12, &proto(value, turn))].concat();
        field(0x0a, &entry)
    };
    members.into_iter().flat_map(member).collect()
}

fn proto(value: &Value, turn: u64) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0],
        Value::Bool(truth) => vec![0x20, u8::from(*truth)],
        Value::Number(number) => {
            let number = number.as_f64().expect("a double");
            [&[0x11][..], &number.to_le_bytes()].concat()
        }
        Value::String(text) => field(0x1a, text.as_bytes()),
        Value::Object(_) => field(0x2a, &structure(value, turn)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| field(0x0a, &proto(item, turn))).collect();
            field(0x32, &items.concat())
        }
    }
}

/// Encodes a length-delimited protobuf field.
pub(crate) fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).expect("seven bits"));
    bytes.extend_from_slice(content);
    bytes
}
