//! The static entities of a bundle, laid out so that a call touches only those it can reach.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::Entities;
use cedar_policy_core::ast::{Entity, EntityUID, PartialValue};
use cedar_policy_core::entities::{Entities as Slice, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use hashbrown::{HashMap, HashTable};

use crate::policy::Key;

/// The static entities, actions included.
#[derive(Debug)]
pub struct World {
    entities: Entities,
    /// By the keys of their own.
    known: HashTable<Known>,
}

/// One static entity and what follows from it alone.
#[derive(Debug)]
struct Known {
    entity: Arc<Entity>,
    /// Of itself, of everything that it is in, and of its type.
    keys: Vec<Key>,
    /// The entities that its attributes and tags name.
    mentions: Vec<EntityUID>,
}

/// A principal with everything that it is in.
#[derive(Clone, Debug)]
pub struct Resident {
    entity: Arc<Entity>,
    keys: Vec<Key>,
    mentions: Vec<EntityUID>,
}

impl World {
    pub(super) fn new(entities: Entities) -> Self {
        let core: &Slice = entities.as_ref();
        let mut known = HashTable::with_capacity(core.len());
        for entity in core.iter().map(Known::of) {
            known.insert_unique(entity.key().hash(), entity, |each| each.key().hash());
        }
        Self { entities, known }
    }

    /// The static entities as Cedar has them.
    pub fn entities(&self) -> &Entities {
        &self.entities
    }

    /// Whether an entity stands among them.
    pub fn knows(&self, uid: &EntityUID) -> bool {
        self.known(uid).is_some()
    }

    /// An entity in a call of this principal.
    pub fn entity<'a>(&'a self, uid: &EntityUID, principal: &'a Resident) -> Option<&'a Entity> {
        if uid == principal.uid() {
            return Some(&principal.entity);
        }
        self.known(uid).map(|known| &*known.entity)
    }

    /// Whether an entity, in a call of this principal, is below another one, whose key is known.
    pub fn is_below(
        &self,
        uid: &EntityUID,
        other: &EntityUID,
        key: Key,
        principal: &Resident,
    ) -> bool {
        if uid == principal.uid() {
            return principal.is_below(other, key);
        }
        let Some(known) = self.known(uid) else { return false };
        // An entity below the principal is in everything that the principal is in.
        is_within(&known.entity, &known.keys, other, key)
            || (known.is_below(principal) && principal.is_below(other, key))
    }

    fn known(&self, uid: &EntityUID) -> Option<&Known> {
        self.known.find(Key::entity(uid).hash(), |known| known.entity.uid() == uid)
    }

    /// Lets a principal in. One that stands among the entities is what the bundle says it is:
    /// replacing it would take away the groups that a `forbid` looks for. `None` if it would be in
    /// itself.
    pub fn admit(&self, principal: &Entity) -> Option<Resident> {
        if let Some(Known { entity, keys, mentions }) = self.known(principal.uid()) {
            let (keys, mentions) = (keys.clone(), mentions.clone());
            return Some(Resident { entity: Arc::clone(entity), keys, mentions });
        }
        let mut entity = principal.clone();
        for parent in principal.parents() {
            let above = self.known(parent).map(|known| &known.entity);
            for ancestor in above.into_iter().flat_map(|parent| parent.ancestors()) {
                entity.add_indirect_ancestor(ancestor.clone());
            }
        }
        if entity.is_descendant_of(entity.uid()) {
            return None;
        }
        let (keys, mentions) = (keys(&entity), mentions(&entity));
        Some(Resident { entity: Arc::new(entity), keys, mentions })
    }

    /// The keys of an entity in a call of this principal.
    pub fn keys<'a>(&'a self, uid: &EntityUID, principal: &'a Resident) -> Cow<'a, [Key]> {
        let Some(known) = self.known(uid) else {
            if uid == principal.uid() {
                return principal.keys().into();
            }
            return vec![Key::entity(uid), Key::entity_type(uid.entity_type())].into();
        };
        if !known.is_below(principal) {
            return known.keys.as_slice().into();
        }
        known.keys.iter().chain(&principal.keys).copied().collect()
    }

    /// The principal and all entities that evaluation can reach from these. An entity is reached by
    /// being named: in the request, in a policy, or in what an entity that is reached says of itself.
    /// `None` if they cannot be put together; a policy must not be asked without them.
    pub fn reachable<'a>(
        &'a self,
        principal: &'a Resident,
        from: impl IntoIterator<Item = &'a EntityUID>,
    ) -> Option<Slice> {
        let mut reached = HashMap::new();
        reached.insert(principal.entity.uid(), Arc::clone(&principal.entity));
        let mut open: Vec<&EntityUID> = from.into_iter().chain(&principal.mentions).collect();
        while let Some(uid) = open.pop() {
            let Some(known) = self.known(uid) else { continue };
            if !reached.contains_key(uid) {
                reached.insert(uid, lifted(known, principal));
                open.extend(&known.mentions);
            }
        }
        let closed = TCComputation::AssumeAlreadyComputed;
        let extensions = Extensions::all_available();
        // Each is there once, and nothing is computed, so nothing should fail.
        Slice::new()
            .add_entities(reached.into_values(), None::<&NoEntitiesSchema>, closed, extensions)
            .ok()
    }

    /// All entities of a call of this principal, as Cedar has them.
    pub fn entities_with(&self, principal: &Resident) -> Entities {
        let others = self.known.iter().filter(|it| it.entity.uid() != principal.entity.uid());
        let entities = others.map(|known| lifted(known, principal));
        let entities = entities.chain([Arc::clone(&principal.entity)]);
        let entities = entities.map(|entity| cedar_policy::Entity::from(entity.as_ref().clone()));
        Entities::from_entities(entities, None).unwrap_or_default()
    }
}

impl Known {
    fn of(entity: &Entity) -> Self {
        let entity = Arc::new(entity.clone());
        let (keys, mentions) = (keys(&entity), mentions(&entity));
        Self { entity, keys, mentions }
    }

    /// The key of the entity itself.
    fn key(&self) -> Key {
        own(&self.keys)
    }

    fn is_below(&self, principal: &Resident) -> bool {
        is_within(&self.entity, &self.keys, principal.uid(), principal.key())
    }
}

impl Resident {
    /// The entity that the principal is.
    pub fn uid(&self) -> &EntityUID {
        self.entity.uid()
    }

    fn key(&self) -> Key {
        own(&self.keys)
    }

    /// Whether the principal is below another entity, whose key is known.
    fn is_below(&self, other: &EntityUID, key: Key) -> bool {
        is_within(&self.entity, &self.keys, other, key)
    }

    /// The keys of the principal.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// An entity below the principal is in everything that the principal is in.
fn lifted(known: &Known, principal: &Resident) -> Arc<Entity> {
    if !known.is_below(principal) {
        return Arc::clone(&known.entity);
    }
    let mut entity = known.entity.as_ref().clone();
    for ancestor in principal.entity.ancestors() {
        entity.add_indirect_ancestor(ancestor.clone());
    }
    Arc::new(entity)
}

/// The entity's own key, which stands first.
fn own(keys: &[Key]) -> Key {
    keys.first().copied().unwrap_or(Key::ANY)
}

/// Of the entity itself, of its type, and of all that it is in.
fn keys(entity: &Entity) -> Vec<Key> {
    let within = entity.ancestors().map(Key::entity);
    let own: [Key; OWN] = [Key::entity(entity.uid()), Key::entity_type(entity.uid().entity_type())];
    own.into_iter().chain(within).collect()
}

/// How many keys of an entity are not of what it is in.
const OWN: usize = 2;

/// Whether an entity is in another one. Its keys say where among its ancestors that would stand; keys
/// can be alike, so the entities decide.
fn is_within(entity: &Entity, keys: &[Key], other: &EntityUID, key: Key) -> bool {
    let within = keys.iter().skip(OWN).zip(entity.ancestors());
    within.into_iter().any(|(each, above)| *each == key && above == other)
}

/// The entities that attributes and tags name.
fn mentions(entity: &Entity) -> Vec<EntityUID> {
    let values = entity.attrs().chain(entity.tags()).map(|(_, value)| value);
    let named: HashSet<EntityUID> = values
        .flat_map(|value| match value {
            PartialValue::Value(value) => value.all_literal_uids(),
            // Nothing in a bundle is unknown.
            PartialValue::Residual(_) => HashSet::new(),
        })
        .collect();
    named.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(uid: &str, parents: &[&str]) -> cedar_policy::Entity {
        let parents = parents.iter().map(|parent| parent.parse().unwrap()).collect();
        cedar_policy::Entity::new_no_attrs(uid.parse().unwrap(), parents)
    }

    #[test]
    fn keys_that_are_alike_make_nothing_an_ancestor() {
        let all =
            [entity("Doc::\"d\"", &["Folder::\"x\""]), entity("Doc::\"e\"", &["User::\"u\""])];
        let world = World::new(Entities::from_entities(all, None).unwrap());
        let user = entity("User::\"u\"", &["Role::\"r\""]);
        let principal = world.admit(user.as_ref()).unwrap();
        let uid = |text: &str| EntityUID::from(text.parse::<cedar_policy::EntityUid>().unwrap());
        let other = uid("Folder::\"y\"");
        for (below, above) in [("d", "Folder::\"x\""), ("e", "User::\"u\""), ("e", "Role::\"r\"")] {
            let (below, above) = (uid(&format!("Doc::\"{below}\"")), uid(above));
            let key = Key::entity(&above);
            assert!(world.is_below(&below, &above, key, &principal));
            assert!(!world.is_below(&below, &other, key, &principal));
        }
        let role = uid("Role::\"r\"");
        let key = Key::entity(&role);
        assert!(world.is_below(principal.uid(), &role, key, &principal));
        assert!(!world.is_below(principal.uid(), &other, key, &principal));
        assert!(!world.is_below(&uid("Doc::\"unknown\""), &role, key, &principal));
    }
}
