//! The entity store: a bundle's static entities, and the principal of a call.

use cedar_policy::Entities;
use cedar_policy_core::ast::{Entity, EntityUID, Literal, PartialValue, ValueKind};
use cedar_policy_core::entities::Entities as CoreEntities;

use super::native::{Graph, Node};

/// The static entities, actions included.
#[derive(Debug)]
pub struct EntityStore {
    entities: Entities,
    graph: Graph,
}

/// A principal with all its ancestors.
#[derive(Clone, Debug)]
pub struct PrincipalEntity {
    node: Node,
}

impl EntityStore {
    /// Creates a store of entities.
    pub fn new(entities: Entities) -> Self {
        let graph = Graph::of(entities.as_ref());
        Self { entities, graph }
    }

    /// The static entities for Cedar.
    pub fn entities(&self) -> &Entities {
        &self.entities
    }

    /// The static entities for the native evaluator.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether an entity is in the store.
    pub fn contains(&self, uid: &EntityUID) -> bool {
        self.get(uid).is_some()
    }

    /// The ancestors of an entity, near and far; `None` if it is not in the store.
    pub fn ancestors(&self, uid: &EntityUID) -> Option<impl Iterator<Item = &EntityUID>> {
        self.get(uid).map(Entity::ancestors)
    }

    /// The attribute of an entity that is a string.
    pub fn text(&self, uid: &EntityUID, attribute: &str) -> Option<String> {
        let Some(PartialValue::Value(value)) = self.get(uid)?.get(attribute) else { return None };
        let ValueKind::Lit(Literal::String(text)) = value.value_kind() else { return None };
        Some(text.to_string())
    }

    /// Adds a principal. If it is in the store, it keeps its parents there: replacing it would
    /// remove the groups that a `forbid` tests. `None` if it would be its own ancestor.
    pub fn admit(&self, principal: &Entity) -> Option<PrincipalEntity> {
        if let Some(stored) = self.get(principal.uid()) {
            return Some(PrincipalEntity::of(stored.clone()));
        }
        let mut entity = principal.clone();
        for parent in principal.parents() {
            for ancestor in self.get(parent).into_iter().flat_map(Entity::ancestors) {
                entity.add_indirect_ancestor(ancestor.clone());
            }
        }
        let is_cyclic = entity.is_descendant_of(entity.uid());
        (!is_cyclic).then(|| PrincipalEntity::of(entity))
    }

    /// The entities reachable from `roots`, the attributes of the principal, and each other; all
    /// entities if reachability is unknown. `None` if Cedar rejects them; then nothing may be
    /// evaluated.
    pub fn reachable<'a>(
        &'a self,
        principal: &'a PrincipalEntity,
        roots: impl Iterator<Item = &'a EntityUID>,
    ) -> Option<CoreEntities> {
        let slice = self.graph.slice(&principal.node, roots);
        slice.or_else(|| Some(self.with(principal)?.as_ref().clone()))
    }

    /// All entities for a call of this principal; `None` if Cedar rejects them.
    pub fn with(&self, principal: &PrincipalEntity) -> Option<Entities> {
        let stored: &CoreEntities = self.entities.as_ref();
        let others = stored.iter().filter(|entity| entity.uid() != principal.uid());
        let all = others.chain([&*principal.node.entity]).cloned().map(Into::into);
        // Cedar also computes the ancestors of entities below the principal.
        Entities::from_entities(all, None).ok()
    }

    fn get(&self, uid: &EntityUID) -> Option<&Entity> {
        self.graph.find(uid, self.entities.as_ref())
    }
}

impl PrincipalEntity {
    fn of(entity: Entity) -> Self {
        Self { node: Node::of(entity) }
    }

    /// The principal for the native evaluator.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The principal's uid.
    pub fn uid(&self) -> &EntityUID {
        self.node.entity.uid()
    }
}
