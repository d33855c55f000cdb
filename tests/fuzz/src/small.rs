//! A small bundle with labels: one server, three tools, of which one is never permitted.

use std::sync::LazyLock;

use serde_json::{Value, json};
use toolgate::bundle::{self, Document};
use toolgate::gate::Gate;
use toolgate::tool;

/// The path of the only channel.
pub(crate) const PATH: &str = "/pay/mcp";

/// The tools that the caller of [`claims`] can call.
pub(crate) const SHOWN: [&str; 2] = ["get", "note"];

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let document = document();
    let loaded = bundle::load(&document).unwrap_or_else(|findings| panic!("{findings:#?}"));
    Gate::new(loaded.bundle, String::new())
});

/// A gate with the bundle.
pub(crate) fn gate() -> &'static Gate {
    &GATE
}

/// The claims of a caller who can call the tools in [`SHOWN`], and sees none of the labelled parts.
pub(crate) fn claims() -> Value {
    json!({ "iss": "https://id", "sub": "alice", "roles": ["rep"], "tenant": "acme", "act": { "sub": "bot" } })
}

/// The document of the bundle.
pub(crate) fn document() -> Document {
    let document = json!({
        "format": "toolgate.bundle/1",
        "manifest": {
            "name": "small",
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
            "channels": [{ "path": PATH, "server": "pay" }],
            "mcp": { "methods": ["resources/read"], "record_lists": true },
            "servers": { "pay": { "tools_from": "tools/pay.json", "tools": {
                "get": { "labels": {
                    "pii": ["email", "people[].email", "notes.*"], "card": ["card.number"]
                } },
                "refund": { "classes": ["money"], "redact": ["note"] }
            } } },
            "limits": { "body_bytes": 4000, "calls": 3, "depth": 24, "values": 500 }
        },
        "schema": "entity Role; entity User in [Role] { tenant: String }; entity Agent; entity Server { rank: Long };",
        "layers": { "org": [
            policy("reads", r#"permit (principal in Role::"rep", action in [Action::"pay/get", Action::"pay/note"], resource);"#),
            policy("leads", r#"permit (principal in Role::"lead", action, resource);"#),
            policy("limit", r#"@reason("At most 500.") forbid (principal, action == Action::"pay/refund", resource) when { context.input.amount > 500 };"#),
        ] },
        "entities": [{ "uid": "Server::\"pay\"", "attrs": { "rank": 7 } }],
        "tools": { "pay": tool::read_tools(&listed()).unwrap_or_default() }
    });
    serde_json::from_value(document).unwrap_or_else(|error| panic!("{error}"))
}

/// The tools as the server lists them.
pub(crate) fn listed() -> Value {
    let schema = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required });
    json!([
        { "name": "get", "description": "Get a payment.",
            "inputSchema": schema(json!({ "id": { "type": "string" } }), &["id"]) },
        { "name": "note", "description": "Write a note.",
            "inputSchema": schema(json!({ "text": { "type": "string" } }), &[]) },
        { "name": "refund", "description": "Refund a payment.",
            "inputSchema": schema(json!({ "amount": { "type": "integer" }, "note": { "type": "string" } }), &["amount"]) },
    ])
}

fn policy(id: &str, source: &str) -> Value {
    json!({ "id": id, "source": format!("@id(\"{id}\") {source}") })
}
