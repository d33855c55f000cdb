//! The callers that a layer of policies applies to.

use serde::{Deserialize, Serialize};

use super::is_name;

/// The name of a layer, ordered from most general to most specific: `org`, `tenant/acme`,
/// `team/support`, `agent/support-bot`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum LayerName {
    /// All callers.
    Org,
    /// The principals of a tenant.
    Tenant(String),
    /// The principals of a team.
    Team(String),
    /// Calls whose delegation includes the agent.
    Agent(String),
}

impl std::fmt::Display for LayerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Org => f.write_str("org"),
            Self::Tenant(tenant) => write!(f, "tenant/{tenant}"),
            Self::Team(team) => write!(f, "team/{team}"),
            Self::Agent(agent) => write!(f, "agent/{agent}"),
        }
    }
}

impl TryFrom<String> for LayerName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let layer = match name.split_once('/') {
            None if name == "org" => Some(Self::Org),
            Some((kind, whose)) if is_name(whose) => match kind {
                "tenant" => Some(Self::Tenant(whose.to_owned())),
                "team" => Some(Self::Team(whose.to_owned())),
                "agent" => Some(Self::Agent(whose.to_owned())),
                _ => None,
            },
            None | Some(_) => None,
        };
        layer.ok_or_else(|| {
            format!(
                "`{name}` is not a layer: there are `org`, `tenant/<name>`, `team/<name>` and \
                 `agent/<name>`, with names of letters, digits, `-`, `_`, `.`"
            )
        })
    }
}

impl From<LayerName> for String {
    fn from(name: LayerName) -> Self {
        name.to_string()
    }
}
