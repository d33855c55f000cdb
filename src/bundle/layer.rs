//! Layers of policies: one for everybody, and more for a tenant, a team or an agent.
//!
//! Every layer that applies to a call must permit it, so a layer can only restrict.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use cedar_policy::{Policy, PolicyId, PolicySet};

#[cfg(feature = "cli")]
use super::PolicySource;
use super::layer_index::LayerIndex;
use super::{LayerName, Policies};
use crate::identity::Identity;
use crate::policy::{CompiledPolicy, Index, PolicyCache, RequestKeys, Unreadable};

/// One layer of policies.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The callers that the layer applies to.
    pub name: LayerName,
    policies: Arc<PolicyCache<CompiledPolicy>>,
    /// The positions of shadow policies.
    shadow: Vec<u32>,
    /// Whether shadow policies are evaluated too.
    staged: bool,
    set: OnceLock<PolicySet>,
}

impl Layer {
    /// Creates a layer from policies.
    ///
    /// # Errors
    ///
    /// The policies with an unknown `@mode`, and the message about it.
    pub(super) fn new(name: LayerName, sources: Policies) -> Result<Self, Vec<(String, String)>> {
        let LayerIndex { index, shadow } = LayerIndex::of(&sources)?;
        let policies = Arc::new(PolicyCache::new(sources, index, CompiledPolicy::parse));
        Ok(Self { name, policies, shadow, staged: true, set: OnceLock::new() })
    }

    /// The `org` layer of a bundle without one: it permits nothing.
    fn none() -> Self {
        let none = PolicyCache::new(Policies::default(), Index::default(), CompiledPolicy::parse);
        let (policies, shadow, set) = (Arc::new(none), Vec::new(), OnceLock::new());
        Self { name: LayerName::Org, policies, shadow, staged: true, set }
    }

    /// Whether the layer has shadow policies.
    pub(super) fn is_partial(&self) -> bool {
        !self.shadow.is_empty()
    }

    /// The layer without its shadow policies.
    pub(super) fn in_force(&self) -> Self {
        Self { staged: self.shadow.is_empty(), set: OnceLock::new(), ..self.clone() }
    }

    /// The policies that can match a call.
    ///
    /// # Errors
    ///
    /// The first candidate that Cedar cannot parse.
    pub(crate) fn candidates(
        &self,
        keys: &RequestKeys<'_>,
    ) -> Result<Vec<Arc<CompiledPolicy>>, Unreadable> {
        self.policies.candidates(keys, |position| self.is_active(position))
    }

    /// All active policies of the layer, parsed. Policy ids are the values of `@id`.
    pub fn policies(&self) -> &PolicySet {
        self.set.get_or_init(|| {
            let sources = (0..).zip(self.policies.sources().iter());
            let active = sources.filter(|(position, _)| self.is_active(*position));
            let parsed = active.filter_map(|(_, source)| {
                Policy::parse(Some(PolicyId::new(source.id)), source.source).ok()
            });
            let mut set = PolicySet::new();
            // Ids are unique: building a bundle checks it.
            parsed.for_each(|policy| drop(set.add(policy)));
            set
        })
    }

    /// The policy's `@reason`, which is shown to a refused caller.
    #[cfg(feature = "cli")]
    pub fn reason(&self, policy: &PolicyId) -> Option<&str> {
        self.policies().annotation(policy, "reason").filter(|text| !text.is_empty())
    }

    fn is_active(&self, position: u32) -> bool {
        self.staged || self.shadow.binary_search(&position).is_err()
    }
}

/// All layers of a bundle. The `org` layer always exists.
#[derive(Clone, Debug)]
pub struct Layers {
    org: Layer,
    tenants: BTreeMap<String, Layer>,
    teams: BTreeMap<String, Layer>,
    agents: BTreeMap<String, Layer>,
}

impl Layers {
    /// Sorts layers by kind and name.
    pub(super) fn new(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut all = Self {
            org: Layer::none(),
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

    /// Every layer, most general first.
    pub fn iter(&self) -> impl Iterator<Item = &Layer> {
        let specific = [&self.tenants, &self.teams, &self.agents];
        std::iter::once(&self.org).chain(specific.into_iter().flat_map(BTreeMap::values))
    }

    /// The layers that apply to a caller, most general first: `org`, the principal's tenant and
    /// teams, and every agent of the delegation, starting with the current one.
    pub fn of<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = &'a Layer> {
        let tenant = identity.principal.tenant.iter().filter_map(|t| self.tenants.get(t));
        let teams = identity.principal.teams.iter().filter_map(|team| self.teams.get(team));
        let chain = identity.actor.iter().flat_map(|actor| &actor.chain);
        let agents = chain.filter_map(|agent| self.agents.get(agent));
        std::iter::once(&self.org).chain(tenant).chain(teams).chain(agents)
    }

    /// The same layers with each policy revised or removed.
    #[cfg(feature = "cli")]
    #[must_use]
    pub fn revised(&self, revise: impl Fn(&Policy) -> Option<Policy>) -> Self {
        Self::new(self.iter().map(|layer| {
            let mut policies = Policies::default();
            for policy in layer.policies().policies().filter_map(&revise) {
                let (id, source) = (policy.id().as_ref(), &policy.to_string());
                policies.push(PolicySource { id, source });
            }
            // The modes were already parsed.
            Layer::new(layer.name.clone(), policies)
                .map_or_else(|_| layer.clone(), |revised| Layer { staged: layer.staged, ..revised })
        }))
    }

    /// Finds a policy and its layer.
    pub fn policy(&self, id: &PolicyId) -> Option<(&Layer, &Policy)> {
        self.iter().find_map(|layer| Some((layer, layer.policies().policy(id)?)))
    }

    /// Whether a tenant has its own layer.
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
