//! A filter configuration with any number of policies.

use serde_json::{Value, json};
use toolgate::bundle::{self, Document};
use toolgate::digest::Digest;

/// The policies about the measured call, of which six apply to it.
pub(crate) const ABOUT_THE_CALL: [&str; 10] = [
    r#"permit (principal in Role::"rep", action == Action::"pay/refund", resource) when { context.input.amount <= 500 };"#,
    r#"permit (principal in Role::"lead", action == Action::"pay/refund", resource) when { context.input.amount <= 5000 };"#,
    r#"permit (principal in Role::"rep", action in Action::"class:read", resource);"#,
    r#"permit (principal == User::"root", action, resource);"#,
    r#"@reason("At most 10000. Ask finance.") forbid (principal, action == Action::"pay/refund", resource) when { context.input.amount > 10000 };"#,
    r#"@reason("Only euros and dollars.") forbid (principal, action == Action::"pay/refund", resource) unless { ["EUR", "USD"].contains(context.input.currency) };"#,
    r#"forbid (principal, action, resource) when { context.delegation.depth > 2 };"#,
    r#"forbid (principal, action, resource) unless { principal.tenant == "acme" };"#,
    r#"forbid (principal in Role::"suspended", action, resource);"#,
    r#"forbid (principal, action in Action::"class:money", resource) when { principal.level < 2 };"#,
];

const SCHEMA: &str = "entity Role in [Role]; entity User in [Role] { tenant: String, level: Long }; \
    entity Agent { vendor: String }; entity Server;";

/// A configuration with this many policies. All but ten are about other users, roles or tools.
pub(crate) fn configuration(policies: usize) -> Vec<u8> {
    // The resolved part of a built bundle does not depend on its policies.
    resolved(document(policies), document(ABOUT_THE_CALL.len()))
}

/// The configuration with a document, and the resolved part of one that differs in its policies only.
pub(crate) fn resolved(mut document: Value, alike: Value) -> Vec<u8> {
    let alike: Document = serde_json::from_value(alike).expect("it reads");
    let built = bundle::load(&alike).unwrap_or_else(|findings| panic!("{findings:#?}"));
    document["resolved"] = json!(built.resolved);
    json!({ "bundle": document }).to_string().into_bytes()
}

fn document(policies: usize) -> Value {
    whole("pay", &marks(), (0..policies).map(policy), &tools())
}

/// What a manifest says of the tools.
pub(crate) fn marks() -> Value {
    json!({
        "refund": { "classes": ["money", "write"], "redact": ["note"] },
        "get": { "classes": ["read"] },
    })
}

/// A document with one server.
pub(crate) fn whole(
    server: &str,
    marks: &Value,
    policies: impl Iterator<Item = String>,
    tools: &[Value],
) -> Value {
    let policies: Vec<Value> = policies
        .enumerate()
        .map(|(index, policy)| {
            let id = format!("p{index:06}");
            json!({ "id": id, "source": format!("@id(\"{id}\") {policy}") })
        })
        .collect();
    json!({
        "format": "toolgate.bundle/1",
        "manifest": {
            "name": "steps",
            "version": 1,
            "identity": {
                "principal": {
                    "tokens": ["session"],
                    "type": "User",
                    "attributes": {
                        "tenant": { "claim": "tenant", "type": "String" },
                        "level": { "claim": "level", "type": "Long" },
                    },
                    "parents": [{ "claim": "roles", "type": "Role" }],
                },
                "actor": { "type": "Agent", "max_depth": 3 },
            },
            "channels": [{ "path": format!("/{server}/mcp"), "server": server }],
            "servers": { server: { "tools_from": format!("tools/{server}.json"), "tools": marks } },
        },
        "schema": SCHEMA,
        "layers": { "org": policies },
        "entities": entities(server),
        "tools": { server: tools },
    })
}

fn policy(index: usize) -> String {
    if let Some(policy) = ABOUT_THE_CALL.get(index) {
        return (*policy).to_owned();
    }
    match index % 4 {
        0 => format!(
            r#"permit (principal == User::"user-{index}", action == Action::"pay/refund", resource);"#
        ),
        1 => format!(
            r#"permit (principal in Role::"role-{index}", action in [Action::"pay/refund", Action::"pay/get"], resource) when {{ context.delegation.depth < 3 }};"#
        ),
        2 => format!(
            r#"forbid (principal in Role::"role-{index}", action == Action::"pay/refund", resource) when {{ context.input.amount > {index} }};"#
        ),
        _ => format!(
            r#"permit (principal, action == Action::"pay/tool-{}", resource) when {{ principal.level > 3 }};"#,
            index % OTHER_TOOLS
        ),
    }
}

const OTHER_TOOLS: usize = 20;

/// The tools of the measured call's server.
pub(crate) fn tools() -> Vec<Value> {
    let text = json!({ "type": "string" });
    let others = (0..OTHER_TOOLS).map(|index| format!("tool-{index}"));
    let mut tools: Vec<Value> = others
        .chain(["get".to_owned()])
        .map(|name| tool(&name, &json!({ "id": text }), &["id"]))
        .collect();
    let refund = json!({
        "payment": text,
        "amount": { "type": "integer" },
        "currency": text,
        "note": text,
        "notify": { "type": "boolean" },
        "tags": { "type": "array", "items": text },
    });
    tools.push(tool("refund", &refund, &["payment", "amount", "currency"]));
    tools
}

/// A tool as a document has it.
pub(crate) fn tool(name: &str, properties: &Value, required: &[&str]) -> Value {
    json!({
        "name": name,
        "digest": Digest::of_bytes(name.as_bytes()),
        "inputSchema": { "type": "object", "properties": properties, "required": required },
    })
}

fn entities(server: &str) -> Vec<Value> {
    let agents = (0..20).map(|index| {
        json!({ "uid": format!("Agent::\"agent-{index}\""), "attrs": { "vendor": "acme" } })
    });
    let roles = ["rep", "lead", "suspended"]
        .map(|role| json!({ "uid": format!("Role::\"{role}\""), "parents": ["Role::\"staff\""] }));
    let others = [format!("Server::\"{server}\""), "Role::\"staff\"".to_owned()];
    let others = others.map(|uid| json!({ "uid": uid }));
    agents.chain(roles).chain(others).collect()
}
