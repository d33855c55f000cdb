//! `bundle.yaml`: everything in a bundle except schema, policies, entities and tools.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::{
    Acceptance, AssertionSettings, Channel, HighRisk, Issuer, LayerName, Minimums, ServerNotes,
};
use crate::approval::ApprovalSettings;
use crate::identity::{IdentityMapping, Scope};
use crate::json;
use crate::memory::{
    BudgetSettings, HistorySettings, MemorySettings, RateLimitSettings, RunawaySettings, Sections,
};

/// The content of `bundle.yaml`; unknown keys are refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The bundle's name, lower-case letters, digits and dashes.
    pub name: BundleName,
    /// The version, which increases with every release of the bundle.
    pub version: u32,
    /// Whether the bundle is enforced or in shadow.
    #[serde(default)]
    pub mode: Mode,
    /// The name of the gate in what it signs.
    ///
    /// It is not serialized where there is none, so that documents built before it existed keep their
    /// digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// What is asserted to servers. Likewise.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionSettings>,
    /// How verified claims map to principal and actor.
    pub identity: IdentityMapping,
    /// The handling of tenants without a layer, and the layers in shadow.
    #[serde(default)]
    pub layers: LayerSettings,
    /// The channels on which calls arrive. A request that matches no channel is refused.
    pub channels: Vec<Channel>,
    /// Other MCP methods that are forwarded.
    #[serde(default)]
    pub mcp: McpSettings,
    /// The tool servers and the marks of their tools.
    pub servers: BTreeMap<String, ServerNotes>,
    /// How refusals are reported to callers.
    #[serde(default)]
    pub refusal: RefusalSettings,
    /// Limits for requests.
    #[serde(default)]
    pub limits: Limits,
    /// How much is remembered.
    ///
    /// The sections about memory are not serialized where they say nothing, so that documents built
    /// before they existed keep their digest.
    #[serde(default, skip_serializing_if = "MemorySettings::is_usual")]
    pub memory: MemorySettings,
    /// What policies see of earlier calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistorySettings>,
    /// Limits of what calls spend together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub budgets: BTreeMap<String, BudgetSettings>,
    /// Who counts budgets for several proxies together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_service: Option<RateLimitSettings>,
    /// When an agent counts as running away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runaway: Option<RunawaySettings>,
    /// Who approves what policies escalate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<ApprovalSettings>,
    /// The minimum coverage by the bundle's cases for each class of tools.
    #[serde(default, skip_serializing_if = "Minimums::is_empty")]
    pub coverage: Minimums,
    /// Classes of tools whose permits need a condition.
    #[serde(default)]
    pub high_risk: HighRisk,
    /// Findings that were reviewed and accepted.
    #[serde(default)]
    pub accept: Vec<Acceptance>,
}

impl Manifest {
    /// The sections about memory.
    pub(super) fn remembered(&self) -> Sections<'_> {
        Sections {
            memory: self.memory,
            history: self.history.as_ref(),
            budgets: &self.budgets,
            service: self.rate_limit_service.as_ref(),
            runaway: self.runaway.as_ref(),
            binds_tasks: self.mcp.bind_tasks,
        }
    }
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

/// Whether policies are enforced or in shadow.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Refusals are enforced.
    #[default]
    Enforce,
    /// Policies are evaluated and recorded, and refuse nothing.
    Shadow,
}

impl Mode {
    /// The name of the mode: `enforce` or `shadow`.
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
    /// The handling of tenants without a layer.
    pub unknown_tenant: UnknownTenant,
    /// Layers that are evaluated and recorded, and refuse nothing.
    pub shadow: BTreeSet<LayerName>,
}

/// How principals of a tenant without a layer are handled.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownTenant {
    /// They are refused.
    #[default]
    Refuse,
    /// The `org` layer suffices.
    Org,
}

/// The `mcp` section.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key that a bundle can have")]
pub struct McpSettings {
    /// Methods forwarded without a policy besides the lifecycle, such as `resources/list`.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Names of arguments that clients add to every call. A tool whose schema does not name them gets
    /// them unread.
    ///
    /// An empty set is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ignore: BTreeSet<String>,
    /// Whether clients' responses to requests of the server are refused.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuse_responses: bool,
    /// Whether the id of a session is bound to the principal and the actor that opened it.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bind_sessions: bool,
    /// Whether a task is for the principal and the actor that made it.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bind_tasks: bool,
    /// Whether each list that a caller gets has a record.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub record_lists: bool,
}

/// The `refusal` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefusalSettings {
    /// The form of the reply to a refused call.
    pub style: RefusalStyle,
    /// The JSON-RPC error code of refusals. MCP reserves -32768 to -32000.
    pub code: i32,
    /// The protected resource metadata (RFC 9728), which leads a client without a valid token to
    /// the authorization server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_metadata: Option<MetadataUrl>,
    /// A sentence for every refused caller: whom to contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The scopes that clients may ask their authorization server for. A refused call gets a challenge
    /// with the least set of them that would permit it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_up: Vec<Scope>,
}

impl Default for RefusalSettings {
    fn default() -> Self {
        let (style, code, step_up) = (RefusalStyle::ToolResult, -31403, Vec::new());
        Self { style, code, resource_metadata: None, help: None, step_up }
    }
}

/// An `https` URL that is valid in a header without escaping.
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

/// The form of the reply to a refused call.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalStyle {
    /// 200 and a tool result with `isError`, which every SDK passes to the model.
    ToolResult,
    /// 200 and a JSON-RPC error.
    JsonrpcError,
    /// 403 and a JSON-RPC error.
    Http,
    /// 200 and the error for a tool that does not exist.
    Conceal,
}

/// The `limits` section.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The maximum body size in bytes.
    #[serde(deserialize_with = "bounded")]
    pub body_bytes: usize,
    /// The maximum number of messages in a batch.
    #[serde(deserialize_with = "bounded")]
    pub calls: usize,
    /// The maximum nesting depth of JSON.
    #[serde(deserialize_with = "bounded")]
    pub depth: usize,
    /// The maximum number of JSON values in one body, and of values that the arguments of one call
    /// become.
    ///
    /// The default is not serialized, so that documents built before this limit existed keep their
    /// digest.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "is_usual")]
    pub values: usize,
    /// The maximum size in bytes of one event of a stream that is read, and of a JSON response,
    /// which may not exceed `body_bytes` either.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "is_usual_response")]
    pub response_bytes: usize,
}

/// How many bytes of a response make up for one value. A value takes some hundred bytes of memory.
const BYTES_OF_A_VALUE: usize = 16;

impl Limits {
    /// The maximum number of JSON values in one response.
    pub(crate) fn response_values(self) -> usize {
        self.response_bytes / BYTES_OF_A_VALUE
    }
}

/// The lists of large servers have some hundred kilobytes.
const RESPONSE_BYTES: usize = 4 << 20;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual_response(bytes: &usize) -> bool {
    *bytes == RESPONSE_BYTES
}

/// A value takes some hundred bytes, so this many take some tens of megabytes.
const VALUES: usize = 1 << 16;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual(values: &usize) -> bool {
    *values == VALUES
}

/// Parses a size as 32 bits, so that the filter (where `usize` has 32 bits) and the CLI agree.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let size = u32::deserialize(deserializer)?;
    usize::try_from(size).map_err(D::Error::custom)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            calls: 20,
            depth: 64,
            values: VALUES,
            response_bytes: RESPONSE_BYTES,
        }
    }
}
