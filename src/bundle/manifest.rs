//! `bundle.yaml`: everything about a bundle that is neither schema, policy, entity nor tool.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::{Acceptance, HighRisk, LayerName, Minimums};
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
    /// Whether the bundle decides or only watches.
    #[serde(default)]
    pub mode: Mode,
    /// How verified claims become principal and actor.
    pub identity: IdentityMapping,
    /// Whose layers there must be, and which only watch.
    #[serde(default)]
    pub layers: LayerSettings,
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
    /// How much of each class of tools the bundle's cases must reach.
    #[serde(default, skip_serializing_if = "Minimums::is_empty")]
    pub coverage: Minimums,
    /// Classes of tools whose permits need a condition.
    #[serde(default)]
    pub high_risk: HighRisk,
    /// Findings that somebody looked at and accepted.
    #[serde(default)]
    pub accept: Vec<Acceptance>,
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

/// Whether policies decide or only watch.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What they refuse is refused.
    #[default]
    Enforce,
    /// They are evaluated and recorded, and refuse nothing.
    Shadow,
}

impl Mode {
    /// The word for it: `enforce` or `shadow`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

/// The `layers` section.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerSettings {
    /// What a tenant without a layer gets.
    pub unknown_tenant: UnknownTenant,
    /// Layers that are evaluated and recorded, and refuse nothing.
    pub shadow: BTreeSet<LayerName>,
}

/// What the principals of a tenant without a layer get.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownTenant {
    /// A refusal.
    #[default]
    Refuse,
    /// What the layer for everybody permits.
    Org,
}

/// A place where calls arrive.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The exact path, without query.
    pub path: String,
    /// The request's `:authority`; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Host>,
    /// The tool server behind it, a key of `servers`.
    pub server: Arc<str>,
    /// The protocol spoken there.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A host in lower case, with a port where the authority has one.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

impl Host {
    /// The host as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an authority is this host, whatever the case of its letters.
    pub fn is(&self, authority: &str) -> bool {
        authority.eq_ignore_ascii_case(&self.0)
    }

    /// Whether an authority is this host but for a port or a final dot. Whether that reaches the
    /// same server depends on the proxy's configuration, which nobody here knows.
    pub fn resembles(&self, authority: &str) -> bool {
        bare(authority).eq_ignore_ascii_case(bare(&self.0))
    }
}

impl Host {
    /// Whether an authority is a name or an address, with a port or without, and nothing that one
    /// reader could take for another host than the next.
    pub fn is_plain(authority: &str) -> bool {
        let host = bare(authority);
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match address {
            Some(address) => address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
            None => host.split('.').all(|label| {
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                !label.is_empty() && label.bytes().all(plain)
            }),
        }
    }
}

/// A host without port and final dot.
fn bare(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    host.strip_suffix('.').unwrap_or(host)
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._[:]".contains(&b);
        if !name.is_empty() && name.bytes().all(plain) {
            Ok(Self(name))
        } else {
            Err(format!("`{name}` is not a host: write it in lower case"))
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
    /// The file with the tools it offers.
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
    /// Where a client without a valid token finds the authorization server (RFC 9728).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_metadata: Option<MetadataUrl>,
    /// A sentence for every refused caller: whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Default for RefusalSettings {
    fn default() -> Self {
        Self { style: RefusalStyle::ToolResult, code: -31403, resource_metadata: None, help: None }
    }
}

/// An `https` URL that can stand in a header as it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetadataUrl(String);

impl MetadataUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MetadataUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        let plain = url.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if plain && url.starts_with("https://") {
            Ok(Self(url))
        } else {
            Err(format!("`{url}` is not an https URL"))
        }
    }
}

impl From<MetadataUrl> for String {
    fn from(url: MetadataUrl) -> Self {
        url.0
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
    #[serde(deserialize_with = "bounded")]
    pub body_bytes: usize,
    /// The most messages in one batch.
    #[serde(deserialize_with = "bounded")]
    pub calls: usize,
    /// The deepest nesting of JSON.
    #[serde(deserialize_with = "bounded")]
    pub depth: usize,
    /// The most values of JSON in one body, and the most that the arguments of one call become.
    ///
    /// Documents that were built before there was this limit keep their digest.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "is_usual")]
    pub values: usize,
}

/// Values take some hundred bytes each: so many take some tens of megabytes.
const VALUES: usize = 1 << 16;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual(values: &usize) -> bool {
    *values == VALUES
}

/// A size that the filter, where sizes have 32 bits, reads as the command does.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let size = u32::deserialize(deserializer)?;
    usize::try_from(size).map_err(D::Error::custom)
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 1 << 20, calls: 20, depth: 64, values: VALUES }
    }
}
