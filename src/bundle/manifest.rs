//! `bundle.yaml`: everything about a bundle that is neither schema, policy, entity nor tool.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identity::IdentityMapping;
use crate::tool::Marks;

/// The content of `bundle.yaml`, unknown keys refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The bundle's name, lower-case letters, digits and dashes.
    pub name: BundleName,
    /// A number that grows with every release of the bundle.
    pub version: u32,
    /// How verified claims become principal and actor.
    pub identity: IdentityMapping,
    /// Where calls arrive. A request that matches no channel is refused.
    pub channels: Vec<Channel>,
    /// What else of MCP is forwarded.
    #[serde(default)]
    pub mcp: McpSettings,
    /// The tool servers and what people say about their tools.
    pub servers: BTreeMap<String, ServerNotes>,
    /// How refusals are told.
    #[serde(default)]
    pub refusal: RefusalSettings,
    /// How much of anything a request may have.
    #[serde(default)]
    pub limits: Limits,
}

/// A bundle's name: lower-case letters, digits and dashes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct BundleName(String);

impl BundleName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BundleName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) {
            Ok(Self(name))
        } else {
            Err(format!("`{name}` is not a bundle name: use lower-case letters, digits and dashes"))
        }
    }
}

impl From<BundleName> for String {
    fn from(name: BundleName) -> Self {
        name.0
    }
}

/// A place where calls arrive.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The exact path, without query.
    pub path: String,
    /// The host in the request's `:authority`; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Host>,
    /// The tool server behind it, a key of `servers`.
    pub server: String,
    /// The protocol spoken there.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A host name in lower case, without port.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

impl Host {
    /// Whether an authority names this host: letter case, a port and a final dot do not matter,
    /// because they do not matter to what routes the request.
    pub fn serves(&self, authority: &str) -> bool {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(&self.0)
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._[:]".contains(&b);
        let bare = name.starts_with('[') || !name.contains(':');
        if !name.is_empty() && name.bytes().all(plain) && bare && !name.ends_with('.') {
            Ok(Self(name))
        } else {
            Err(format!("`{name}` is not a host: write it in lower case, without port"))
        }
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0
    }
}

/// A protocol that carries calls.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// MCP over Streamable HTTP, or the message endpoint of 2024-11-05.
    #[default]
    Mcp,
}

/// The `mcp` section.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct McpSettings {
    /// Methods that are forwarded besides the lifecycle, such as `resources/read`.
    #[serde(default)]
    pub methods: Vec<String>,
}

/// One tool server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerNotes {
    /// The file with the server's `tools/list` answer.
    pub tools_from: String,
    /// What people say about its tools, by tool name.
    #[serde(default)]
    pub tools: BTreeMap<String, Marks>,
}

/// The `refusal` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefusalSettings {
    /// The form of a refused call's answer.
    pub style: RefusalStyle,
    /// The JSON-RPC error code of refusals. MCP reserves -32768 to -32000.
    pub code: i32,
    /// A sentence for every refused caller: whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Default for RefusalSettings {
    fn default() -> Self {
        Self { style: RefusalStyle::ToolResult, code: -31403, help: None }
    }
}

/// The form of a refused call's answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalStyle {
    /// 200 and a tool result with `isError`, which every SDK hands to the model.
    ToolResult,
    /// 200 and a JSON-RPC error.
    JsonrpcError,
    /// 403 and a JSON-RPC error.
    Http,
    /// 200 and the error of a tool that does not exist.
    Conceal,
}

/// The `limits` section.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The longest body, in bytes.
    pub body_bytes: usize,
    /// The most messages in one batch.
    pub calls: usize,
    /// The deepest nesting of JSON.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 1 << 20, calls: 20, depth: 64 }
    }
}
