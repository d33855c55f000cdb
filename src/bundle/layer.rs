//! Layers of policies: one for everybody, and more for a tenant, a team or an agent.
//!
//! A layer can only take away: every layer that applies to a call must permit it.

use std::collections::BTreeMap;

use cedar_policy::{Policy, PolicyId, PolicySet};
use serde::{Deserialize, Serialize};

use super::is_name;
use crate::identity::Identity;

/// Whom a layer is for, from the most general to the most specific: `org`, `tenant/acme`,
/// `team/support`, `agent/support-bot`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum LayerName {
    /// Everybody.
    Org,
    /// The principals of a tenant.
    Tenant(String),
    /// The principals of a team.
    Team(String),
    /// The calls in whose delegation an agent takes part.
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

/// One layer of policies.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Whom it is for.
    pub name: LayerName,
    /// Its policies. The id of each is its `@id`.
    pub policies: PolicySet,
}

impl Layer {
    /// The text that a policy has for the caller it refuses.
    pub fn reason(&self, policy: &PolicyId) -> Option<&str> {
        self.policies.annotation(policy, "reason").filter(|text| !text.is_empty())
    }
}

/// All layers of a bundle. There is always one for everybody.
#[derive(Clone, Debug)]
pub struct Layers {
    org: Layer,
    tenants: BTreeMap<String, Layer>,
    teams: BTreeMap<String, Layer>,
    agents: BTreeMap<String, Layer>,
}

impl Layers {
    /// The layers by name. Without a layer for everybody nobody may do anything.
    pub(super) fn new(layers: impl IntoIterator<Item = Layer>) -> Self {
        let nothing = Layer { name: LayerName::Org, policies: PolicySet::new() };
        let mut all = Self {
            org: nothing,
            tenants: BTreeMap::new(),
            teams: BTreeMap::new(),
            agents: BTreeMap::new(),
        };
        for layer in layers {
            match layer.name.clone() {
                LayerName::Org => all.org = layer,
                LayerName::Tenant(tenant) => drop(all.tenants.insert(tenant, layer)),
                LayerName::Team(team) => drop(all.teams.insert(team, layer)),
                LayerName::Agent(agent) => drop(all.agents.insert(agent, layer)),
            }
        }
        all
    }

    /// Every layer, the most general first.
    pub fn iter(&self) -> impl Iterator<Item = &Layer> {
        let specific = [&self.tenants, &self.teams, &self.agents];
        std::iter::once(&self.org).chain(specific.into_iter().flat_map(BTreeMap::values))
    }

    /// The layers that apply to a caller, the most general first: `org`, the principal's tenant and
    /// teams, and every agent of the delegation, the current one first.
    pub fn of<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = &'a Layer> {
        let tenant = identity.principal.tenant.iter().filter_map(|t| self.tenants.get(t));
        let teams = identity.principal.teams.iter().filter_map(|team| self.teams.get(team));
        let chain = identity.actor.iter().flat_map(|actor| &actor.chain);
        let agents = chain.filter_map(|agent| self.agents.get(agent));
        std::iter::once(&self.org).chain(tenant).chain(teams).chain(agents)
    }

    /// The same layers with their policies revised, or left out.
    #[must_use]
    pub fn revised(&self, revise: impl Fn(&Policy) -> Option<Policy>) -> Self {
        Self::new(self.iter().map(|layer| {
            let mut policies = PolicySet::new();
            for policy in layer.policies.policies().filter_map(&revise) {
                // Its id was unique in the set that it comes from.
                drop(policies.add(policy));
            }
            Layer { name: layer.name.clone(), policies }
        }))
    }

    /// A policy and its layer.
    pub fn policy(&self, id: &PolicyId) -> Option<(&Layer, &Policy)> {
        self.iter().find_map(|layer| Some((layer, layer.policies.policy(id)?)))
    }

    /// Whether a tenant has a layer of its own.
    pub(super) fn knows_tenant(&self, tenant: &str) -> bool {
        self.tenants.contains_key(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_are_written() {
        for name in ["org", "tenant/acme", "team/a.b-c_d", "agent/support-bot"] {
            let layer = LayerName::try_from(name.to_owned()).unwrap();
            assert_eq!(layer.to_string(), name);
        }
        for name in
            ["", "Org", "org/", "org/a", "tenant", "tenant/", "tenant/a/b", "tenant/a b", "x/a"]
        {
            assert!(LayerName::try_from(name.to_owned()).is_err(), "{name}");
        }
    }

    #[test]
    fn the_general_comes_before_the_specific() {
        let mut names: Vec<LayerName> = ["agent/a", "team/a", "org", "tenant/b", "tenant/a"]
            .map(|name| LayerName::try_from(name.to_owned()).unwrap())
            .into();
        names.sort();
        let names: Vec<String> = names.into_iter().map(String::from).collect();
        assert_eq!(names, ["org", "tenant/a", "tenant/b", "team/a", "agent/a"]);
    }
}
