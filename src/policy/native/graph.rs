//! Static entities indexed by the hash of their UID, so that a call accesses only reachable ones.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityUID, PartialValue};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use hashbrown::{HashMap, HashTable};

use super::Key;

/// The number of keys before those of the ancestors.
const OWN: usize = 2;

/// The static entities.
#[derive(Debug)]
pub struct Graph(HashTable<Node>);

/// An entity with derived data.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) entity: Arc<Entity>,
    /// The keys of the entity, its type, and its ancestors in the order of the entity.
    keys: Vec<Key>,
    /// The entities named in its attributes. No schema of a bundle declares tags.
    mentions: Vec<EntityUID>,
}

impl Graph {
    pub(crate) fn of(entities: &Entities) -> Self {
        let mut nodes = HashTable::with_capacity(entities.len());
        for entity in entities.iter() {
            let node = Node::of(entity.clone());
            nodes.insert_unique(node.key().hash(), node, |each| each.key().hash());
        }
        Self(nodes)
    }

    /// Finds one of the entities that this is the graph of.
    pub(crate) fn find<'a>(&'a self, uid: &EntityUID, _: &'a Entities) -> Option<&'a Entity> {
        self.get(uid).map(|node| &*node.entity)
    }

    /// Finds an entity, including the principal of the call.
    pub(super) fn entity<'a>(&'a self, uid: &EntityUID, principal: &'a Node) -> Option<&'a Entity> {
        if uid == principal.entity.uid() {
            return Some(&principal.entity);
        }
        self.get(uid).map(|node| &*node.entity)
    }

    /// Whether an entity has this ancestor, given the principal of the call.
    pub(super) fn has_ancestor(
        &self,
        uid: &EntityUID,
        ancestor: &EntityUID,
        key: Key,
        principal: &Node,
    ) -> bool {
        if uid == principal.entity.uid() {
            return principal.has_ancestor(ancestor, key);
        }
        let Some(node) = self.get(uid) else { return false };
        // Entities below the principal inherit the principal's ancestors.
        node.has_ancestor(ancestor, key)
            || (node.is_below(principal) && principal.has_ancestor(ancestor, key))
    }

    /// The keys of an entity, given the principal of the call.
    pub(super) fn keys<'a>(&'a self, uid: &EntityUID, principal: &'a Node) -> Cow<'a, [Key]> {
        if uid == principal.entity.uid() {
            return principal.keys.as_slice().into();
        }
        let Some(node) = self.get(uid) else {
            return vec![Key::entity(uid), Key::entity_type(uid.entity_type())].into();
        };
        if !node.is_below(principal) {
            return node.keys.as_slice().into();
        }
        node.keys.iter().chain(&principal.keys).copied().collect()
    }

    /// The principal and the entities that evaluation can reach. It reaches an entity by its name
    /// in the request, in a policy, or in an attribute of a reached entity.
    pub(crate) fn slice<'a>(
        &'a self,
        principal: &'a Node,
        roots: impl Iterator<Item = &'a EntityUID>,
    ) -> Option<Entities> {
        let mut reached = HashMap::new();
        reached.insert(principal.entity.uid(), Arc::clone(&principal.entity));
        let mut open: Vec<&EntityUID> = roots.chain(&principal.mentions).collect();
        while let Some(uid) = open.pop() {
            let Some(node) = self.get(uid) else { continue };
            if !reached.contains_key(uid) {
                reached.insert(uid, node.entity_below(principal));
                open.extend(&node.mentions);
            }
        }
        let closed = TCComputation::AssumeAlreadyComputed;
        let extensions = Extensions::all_available();
        Entities::new()
            .add_entities(reached.into_values(), None::<&NoEntitiesSchema>, closed, extensions)
            .ok()
    }

    fn get(&self, uid: &EntityUID) -> Option<&Node> {
        self.0.find(Key::entity(uid).hash(), |node| node.entity.uid() == uid)
    }
}

impl Node {
    pub(crate) fn of(entity: Entity) -> Self {
        let uid = entity.uid();
        let own: [Key; OWN] = [Key::entity(uid), Key::entity_type(uid.entity_type())];
        let keys = own.into_iter().chain(entity.ancestors().map(Key::entity)).collect();
        Self { mentions: mentions(&entity), entity: Arc::new(entity), keys }
    }

    /// The entity's uid.
    pub(crate) fn uid(&self) -> &EntityUID {
        self.entity.uid()
    }

    /// The key of the entity itself.
    fn key(&self) -> Key {
        self.keys.first().copied().unwrap_or(Key::ANY)
    }

    /// The keys locate the ancestor; two entities can have the same key, so the UIDs are compared
    /// too.
    fn has_ancestor(&self, ancestor: &EntityUID, key: Key) -> bool {
        let mut ancestors = self.keys.iter().skip(OWN).zip(self.entity.ancestors());
        ancestors.any(|(each, uid)| *each == key && uid == ancestor)
    }

    fn is_below(&self, principal: &Node) -> bool {
        self.has_ancestor(principal.entity.uid(), principal.key())
    }

    /// The entity, with the principal's ancestors added if it is below the principal.
    fn entity_below(&self, principal: &Node) -> Arc<Entity> {
        if !self.is_below(principal) {
            return Arc::clone(&self.entity);
        }
        let mut entity = self.entity.as_ref().clone();
        for ancestor in principal.entity.ancestors() {
            entity.add_indirect_ancestor(ancestor.clone());
        }
        Arc::new(entity)
    }
}

fn mentions(entity: &Entity) -> Vec<EntityUID> {
    let values = entity.attrs().map(|(_, value)| value);
    let named: HashSet<EntityUID> = values
        .flat_map(|value| match value {
            PartialValue::Value(value) => value.all_literal_uids(),
            // A bundle has no unknown values.
            PartialValue::Residual(_) => HashSet::new(),
        })
        .collect();
    named.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::EntityStore;

    fn entity(uid: &str, parents: &[&str]) -> cedar_policy::Entity {
        let parents = parents.iter().map(|parent| parent.parse().unwrap()).collect();
        cedar_policy::Entity::new_no_attrs(uid.parse().unwrap(), parents)
    }

    fn uid(text: &str) -> EntityUID {
        text.parse::<cedar_policy::EntityUid>().unwrap().into()
    }

    #[test]
    fn equal_keys_make_nothing_an_ancestor() {
        let all =
            [entity("Doc::\"d\"", &["Folder::\"x\""]), entity("Doc::\"e\"", &["User::\"u\""])];
        let store = EntityStore::new(cedar_policy::Entities::from_entities(all, None).unwrap());
        let user = entity("User::\"u\"", &["Role::\"r\""]);
        let principal = store.admit(user.as_ref()).unwrap();
        let has_ancestor = |uid: &EntityUID, other: &EntityUID, key| {
            store.graph().has_ancestor(uid, other, key, principal.node())
        };
        let other = uid("Folder::\"y\"");
        for (below, above) in [
            ("Doc::\"d\"", "Folder::\"x\""),
            ("Doc::\"e\"", "User::\"u\""),
            ("Doc::\"e\"", "Role::\"r\""),
            ("User::\"u\"", "Role::\"r\""),
        ] {
            let (below, above) = (uid(below), uid(above));
            let key = Key::entity(&above);
            assert!(has_ancestor(&below, &above, key));
            assert!(!has_ancestor(&below, &other, key));
        }
        let role = uid("Role::\"r\"");
        assert!(!has_ancestor(&uid("Doc::\"unknown\""), &role, Key::entity(&role)));
    }
}
