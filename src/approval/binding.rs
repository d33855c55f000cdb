//! What an approval is bound to, in the shapes of AuthZEN 1.0.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;

/// What an approval is bound to. If any of it differs, it is another call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Binding {
    /// The principal.
    pub subject: Entity,
    /// The tool.
    pub action: Action,
    /// The resource.
    pub resource: Entity,
    /// The rest.
    pub context: BoundContext,
}

/// An entity of Cedar.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entity {
    /// Its type, such as `User`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its id.
    pub id: String,
}

/// A tool.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Action {
    /// Its qualified name, `<server>/<tool>`.
    pub name: String,
}

/// The rest of what an approval is bound to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BoundContext {
    /// The tenant of the principal.
    pub tenant: Option<String>,
    /// The type of the agents.
    pub agent_type: Option<String>,
    /// The agents of the delegation, current one first.
    pub chain: Vec<String>,
    /// The arguments, with marks in place of what the inventory redacts.
    pub arguments: Value,
    /// The digest of the whole arguments.
    pub arguments_digest: Digest,
    /// The name of the bundle.
    pub bundle: String,
    /// Its digest.
    pub bundle_digest: Digest,
    /// The environment of the gate.
    pub environment: String,
    /// The proxy that asks, until it is restarted, if only it knows which approvals were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
}

impl Binding {
    /// What another binding has otherwise, in words.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let [own, others] = [self, other].map(|it| &it.context);
        let parts = [
            ("principal", self.subject == other.subject && own.tenant == others.tenant),
            ("delegation", own.chain == others.chain && own.agent_type == others.agent_type),
            ("tool", self.action == other.action),
            ("set of arguments", own.arguments_digest == others.arguments_digest),
            ("resource", self.resource == other.resource),
            ("bundle", own.bundle_digest == others.bundle_digest),
            ("proxy, or one that was restarted since", own.proxy == others.proxy),
            ("call", self == other),
        ];
        parts.into_iter().find(|(_, is_same)| !is_same).map(|(what, _)| what)
    }

    /// SHA-256 of the canonical JSON (RFC 8785), in base64url.
    pub fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Digest::of(self).head::<32>())
    }
}
