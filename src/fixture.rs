//! A small bundle for unit tests: one server, two tools, three policies.

use serde_json::{Value, json};

use crate::bundle::{self, Bundle, Document};
use crate::config::Gate;
use crate::digest::Digest;

pub(crate) fn document_json() -> Value {
    let digest = Digest::of_bytes(b"what the server says");
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
        "tools": { "pay": [
            { "name": "get", "digest": digest, "inputSchema": { "type": "object", "properties": {
                "id": { "type": "string", "x-mcp-header": "Payment" } }, "required": ["id"] } },
            { "name": "refund", "digest": digest, "inputSchema": { "type": "object", "properties": {
                "amount": { "type": "integer" }, "note": { "type": "string" } }, "required": ["amount"] } },
        ] }
    })
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
