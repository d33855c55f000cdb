//! The policy artefact: built document → everything a decision needs, checked and ready.
//!
#![doc = include_str!("bundle.md")]

mod code;
mod document;
mod finding;
mod load;
mod manifest;
mod schema;

use std::collections::BTreeMap;

use cedar_policy::{Entities, PolicyId, PolicySet, Schema};

pub use code::Code;
pub use document::{Document, EntitySource, Format, PolicySource};
pub use finding::{Finding, Severity, Site};
pub use load::{Loaded, load};
pub use manifest::{
    BundleName, Channel, Host, Limits, Manifest, McpSettings, MetadataUrl, Protocol,
    RefusalSettings, RefusalStyle, ServerNotes,
};

use crate::digest::Digest;
use crate::identity::IdentityMapping;
use crate::tool::Tool;

/// A bundle that passed every check. It never changes; an update is another bundle.
#[derive(Debug)]
pub struct Bundle {
    /// How the bundle is named.
    pub id: BundleId,
    /// How verified claims become principal and actor.
    pub identity: IdentityMapping,
    /// How refusals are told.
    pub refusal: RefusalSettings,
    /// How much of anything a request may have.
    pub limits: Limits,
    /// MCP methods forwarded besides the lifecycle.
    pub methods: Vec<String>,
    /// Policies, the most general layer first. Every layer must permit.
    pub layers: Vec<Layer>,
    channels: Vec<Channel>,
    tools: BTreeMap<String, BTreeMap<String, Tool>>,
    schema: Schema,
    entities: Entities,
}

/// A bundle's name, version and content.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct BundleId {
    /// The name.
    pub name: String,
    /// The version.
    pub version: u32,
    /// The digest of the canonical document.
    pub digest: Digest,
}

impl std::fmt::Display for BundleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} {}", self.name, self.version, self.digest)
    }
}

/// One layer of policies.
#[derive(Debug)]
pub struct Layer {
    /// Its name, such as `org`.
    pub name: String,
    /// Its policies. The id of each is its `@id`.
    pub policies: PolicySet,
}

impl Layer {
    /// The text that a policy has for the caller it refuses.
    pub fn reason(&self, policy: &PolicyId) -> Option<&str> {
        self.policies.annotation(policy, "reason").filter(|text| !text.is_empty())
    }
}

impl Bundle {
    /// The channel of a request, by its exact path and authority. Where channels differ by host, an
    /// authority that is another channel's but for a port or a final dot has none, because the proxy
    /// might route it there; nor has one that is no plain host.
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

    /// A tool of the inventory.
    pub fn tool(&self, server: &str, name: &str) -> Option<&Tool> {
        self.tools.get(server)?.get(name)
    }

    /// Every tool of the inventory, by server and name.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values().flat_map(BTreeMap::values)
    }

    /// The Cedar schema, tool actions included.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The static entities, actions included.
    pub fn entities(&self) -> &Entities {
        &self.entities
    }
}

#[cfg(test)]
mod tests;
