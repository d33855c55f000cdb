//! The static entities of a bundle, and the principal of a call among them.

use cedar_policy::Entities;
use cedar_policy_core::ast::{Entity, EntityUID};
use cedar_policy_core::entities::{Dereference, Entities as CoreEntities};

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
    /// A store of these entities.
    pub fn new(entities: Entities) -> Self {
        let graph = Graph::of(entities.as_ref());
        Self { entities, graph }
    }

    /// The static entities as Cedar has them.
    pub fn entities(&self) -> &Entities {
        &self.entities
    }

    /// The static entities as the evaluator has them.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether an entity is in the store.
    pub fn contains(&self, uid: &EntityUID) -> bool {
        self.get(uid).is_some()
    }

    /// Admits a principal. One that is in the store keeps the parents that it has there: replacing it
    /// would take away the groups that a `forbid` looks for. `None` if it would be its own ancestor.
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

    /// The entities that evaluation needs: those that it can reach from `roots`, the attributes of
    /// the principal, and each other. All of them where that is not known; `None` if Cedar rejects
    /// them, and then nothing may be evaluated.
    pub fn reachable<'a>(
        &'a self,
        principal: &'a PrincipalEntity,
        roots: impl Iterator<Item = &'a EntityUID>,
    ) -> Option<CoreEntities> {
        let slice = self.graph.slice(&principal.node, roots);
        slice.or_else(|| Some(self.with(principal)?.as_ref().clone()))
    }

    /// All entities of a call of this principal; `None` if Cedar rejects them.
    pub fn with(&self, principal: &PrincipalEntity) -> Option<Entities> {
        let stored: &CoreEntities = self.entities.as_ref();
        let others = stored.iter().filter(|entity| entity.uid() != principal.uid());
        let all = others.chain([&*principal.node.entity]).cloned().map(Into::into);
        // Cedar also computes the ancestors of those below the principal.
        Entities::from_entities(all, None).ok()
    }

    fn get(&self, uid: &EntityUID) -> Option<&Entity> {
        let stored: &CoreEntities = self.entities.as_ref();
        match stored.entity(uid) {
            Dereference::Data(entity) => Some(entity),
            // A bundle has no unknown entities.
            Dereference::NoSuchEntity | Dereference::Residual(_) => None,
        }
    }
}

impl PrincipalEntity {
    fn of(entity: Entity) -> Self {
        Self { node: Node::of(entity) }
    }

    /// The principal as the evaluator has it.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The principal's uid.
    pub fn uid(&self) -> &EntityUID {
        self.node.entity.uid()
    }
}
