//! The policy bundle: built document → the checked data that a decision needs.
//!
#![doc = include_str!("bundle.md")]

mod acceptance;
mod approvals;
mod assertion;
mod channel;
mod code;
mod coverage;
mod described;
mod document;
mod environment;
mod finding;
mod issuer;
mod layer;
mod layer_index;
mod layer_name;
mod listed;
mod load;
mod manifest;
mod name;
mod name_pattern;
mod schema;
mod server;
mod signature;

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Entities, Schema};

pub use acceptance::{Acceptance, Explanation, HighRisk};
pub use approvals::Approvals;
pub(crate) use assertion::Asserting;
pub use assertion::{AssertionSettings, Validity};
pub use channel::{Channel, Host, Protocol};
pub use code::{Code, Severity};
pub use coverage::{Minimums, Percent};
pub use described::{Described, Entries};
pub use document::{Document, EntitySource, Format, Resolved};
pub use environment::EnvironmentName;
pub use finding::{Finding, Site};
pub use issuer::{Audience, Issuer};
pub use layer::{Layer, Layers};
pub use layer_name::LayerName;
pub(crate) use listed::Listed;
pub use load::{Loaded, load, open};
pub use manifest::{
    BundleName, LayerSettings, Limits, Manifest, McpSettings, MetadataUrl, Mode, RefusalSettings,
    RefusalStyle, UnknownTenant,
};
use name::is_name;
pub use name_pattern::NamePattern;
pub use server::{MethodMarks, OnChange, ServerNotes};
pub use signature::{Signature, SignatureBytes};

use crate::digest::Digest;
use crate::identity::IdentityMapping;
use crate::json::Shared;
use crate::memory::Plan;
use crate::policy::EntityStore;
pub use crate::policy::{Policies, PolicySource};
use crate::structured_field;
use crate::tool::{Tool, Wraps};

/// A bundle that passed every check. It is immutable except for its caches; an update creates another
/// bundle.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Bundle {
    /// The bundle's identification.
    pub id: Shared<BundleId>,
    /// The name of the gate in what it signs.
    pub issuer: Option<Issuer>,
    /// What is asserted to servers; `None` if nothing is.
    pub(crate) asserting: Option<Asserting>,
    /// How verified claims map to principal and actor.
    pub identity: IdentityMapping,
    /// How refusals are reported to callers.
    pub refusal: RefusalSettings,
    /// Limits for requests.
    pub limits: Limits,
    /// MCP methods forwarded without a policy, besides the lifecycle.
    pub methods: Vec<String>,
    /// Whether clients' responses to requests of the server are refused.
    pub refuses_responses: bool,
    /// Whether the id of a session is bound to whoever opened it.
    pub binds_sessions: bool,
    /// Whether a task is for whoever made it.
    pub binds_tasks: bool,
    /// Whether each list that a caller gets has a record.
    pub records_lists: bool,
    /// The enforced policies. Every layer that applies must permit.
    pub layers: Layers,
    /// All policies with shadow policies enforced; `None` if none is in shadow by itself or by its
    /// layer, or if the whole bundle is in shadow.
    pub staged: Option<Layers>,
    /// Present if the whole bundle is in shadow.
    pub shadow: Option<Shadow>,
    /// Whether the `org` layer suffices for a tenant without a layer.
    unknown_tenant: UnknownTenant,
    /// Who approves what policies escalate; `None` if nobody does.
    pub approvals: Option<Approvals>,
    /// What is remembered of calls; `None` if nothing is.
    pub memory: Option<Plan>,
    channels: Vec<Channel>,
    servers: BTreeMap<String, Server>,
    schema: Option<Schema>,
    entities: EntityStore,
}

/// A bundle's name, version and digest.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct BundleId {
    /// The name.
    pub name: String,
    /// The version.
    pub version: u32,
    /// The digest of the canonical document.
    pub digest: Digest,
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    parameter: String,
}

impl BundleId {
    /// Creates the identification of a bundle.
    pub fn new(name: &str, version: u32, digest: Digest) -> Self {
        let title = format!("{name}@{version} {digest}");
        let mut parameter = String::new();
        structured_field::parameter(";bundle=", &title, &mut parameter);
        Self { name: name.to_owned(), version, digest, title, parameter }
    }

    /// The bundle parameter of the header `toolgate-decision`.
    pub(crate) fn parameter(&self) -> &str {
        &self.parameter
    }
}

impl std::fmt::Display for BundleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

/// A tool server.
#[derive(Debug)]
struct Server {
    audience: Option<Audience>,
    changed_tools: OnChange,
    reviewed: u32,
    /// By name on the wire.
    tools: BTreeMap<String, Tool>,
    /// The methods that policies decide, by name.
    methods: BTreeMap<String, Tool>,
    listed: Listed,
}

/// Proof that a bundle is in shadow and therefore refuses nothing. Only loading such a bundle
/// creates it.
#[derive(Clone, Copy, Debug)]
pub struct Shadow(());

impl Bundle {
    /// The channel of a request, by exact path and authority. Where channels differ by host, an
    /// authority has no channel if it equals another channel's host except for a port or a final
    /// dot, because the proxy might route it there, or if it is not a plain host.
    pub fn channel(&self, authority: &str, path: &str) -> Option<&Channel> {
        let here = || self.channels.iter().filter(|channel| channel.path == path);
        let host = |channel: &Channel, fits: fn(&Host, &str) -> bool| {
            channel.authority.as_ref().is_some_and(|host| fits(host, authority))
        };
        if let Some(named) = here().find(|channel| host(channel, Host::is)) {
            return Some(named);
        }
        let by_host = here().any(|channel| channel.authority.is_some());
        if by_host && (!Host::is_plain(authority) || here().any(|c| host(c, Host::resembles))) {
            return None;
        }
        here().find(|channel| channel.authority.is_none())
    }

    /// Whether what is forwarded has a signed assertion.
    pub fn asserts(&self) -> bool {
        self.asserting.is_some()
    }

    /// Every layer, including shadow policies.
    pub fn all_layers(&self) -> &Layers {
        self.staged.as_ref().unwrap_or(&self.layers)
    }

    /// Whether the bundle has policies for a tenant, or needs none.
    pub fn knows_tenant(&self, tenant: &str) -> bool {
        self.unknown_tenant == UnknownTenant::Org || self.all_layers().knows_tenant(tenant)
    }

    /// Every channel.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter()
    }

    /// The channels over which calls of a server's tools come: those that lead to it, and then those
    /// whose tools have such inner calls.
    pub fn channels_to<'a>(&'a self, server: &'a str) -> impl Iterator<Item = &'a Channel> {
        let leads = move |channel: &&Channel| *channel.server == *server;
        let wraps = move |channel: &&Channel| {
            self.tools_of(&channel.server)
                .any(|tool| tool.wraps().is_some_and(|wraps| wraps.server() == server))
        };
        let others = self.channels.iter().filter(move |it| !leads(it) && wraps(it));
        self.channels.iter().filter(leads).chain(others)
    }

    /// The name of a server in what is signed for it.
    pub(crate) fn audience<'a>(&'a self, server: &'a str) -> &'a str {
        let named = self.servers.get(server).and_then(|server| server.audience.as_ref());
        named.map_or(server, Audience::as_str)
    }

    /// Finds a tool of the inventory by its name on the wire.
    pub fn tool(&self, server: &str, wire_name: &str) -> Option<&Tool> {
        self.servers.get(server)?.tools.get(wire_name)
    }

    /// The texts with which a server listed its tools as they are pinned.
    pub(crate) fn listed(&self, server: &str) -> Option<&Listed> {
        self.servers.get(server).map(|server| &server.listed)
    }

    /// Finds a tool of the inventory by its name in the bundle.
    pub fn named(&self, server: &str, name: &str) -> Option<&Tool> {
        self.servers.get(server)?.tools.values().find(|tool| tool.name() == name)
    }

    /// The tools of a server, ordered by name on the wire.
    pub fn tools_of(&self, server: &str) -> impl Iterator<Item = &Tool> {
        self.servers.get(server).into_iter().flat_map(|server| server.tools.values())
    }

    /// The tools whose results a server can give: its own, and those of servers whose tools it runs.
    pub fn tools_behind<'a>(&'a self, server: &'a str) -> impl Iterator<Item = &'a Tool> {
        let inner = self.tools_of(server).filter_map(Tool::wraps).map(Wraps::server);
        let servers: BTreeSet<&str> = inner.chain([server]).collect();
        servers.into_iter().flat_map(|server| self.tools_of(server))
    }

    /// Every tool of the inventory, ordered by server and name on the wire.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.servers.values().flat_map(|server| server.tools.values())
    }

    /// What happens to tools that a server lists otherwise than they are pinned.
    pub fn on_change(&self, server: &str) -> OnChange {
        self.servers.get(server).map(|server| server.changed_tools).unwrap_or_default()
    }

    /// The number of reviews of a server's tools that left the pins as they were.
    pub fn reviewed(&self, server: &str) -> u32 {
        self.servers.get(server).map(|server| server.reviewed).unwrap_or_default()
    }

    /// Finds a method of a server that policies decide.
    pub fn method(&self, server: &str, method: &str) -> Option<&Tool> {
        self.servers.get(server)?.methods.get(method)
    }

    /// Finds the tool or method that has this one's name on the wire.
    pub fn same(&self, tool: &Tool) -> Option<&Tool> {
        let (server, name) = (tool.server(), tool.wire_name());
        if tool.is_method() { self.method(server, name) } else { self.tool(server, name) }
    }

    /// Every tool of the inventory, and every method that policies decide.
    pub fn actions(&self) -> impl Iterator<Item = &Tool> {
        self.tools().chain(self.servers.values().flat_map(|server| server.methods.values()))
    }

    /// The Cedar schema, tool actions included; `None` if it was parsed only when the bundle was
    /// built.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// The static entities, including actions.
    pub fn entities(&self) -> &Entities {
        self.entities.entities()
    }

    /// The static entities, prepared for evaluation.
    pub(crate) fn entity_store(&self) -> &EntityStore {
        &self.entities
    }
}

#[cfg(test)]
mod tests;
