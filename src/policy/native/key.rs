//! The scope of a policy and the entities of a call as keys, which are equal if they can match.

use std::borrow::Cow;
use std::hash::BuildHasher as _;

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityType, EntityUID, InternalName, Policy,
    PrincipalOrResourceConstraint,
};
use foldhash::fast::FixedState;

/// The hash of an entity or an entity type. A collision adds a candidate that does not match; this
/// costs its evaluation and does not change the result.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Key(u64);

impl Key {
    /// The key of an unconstrained principal, action or resource.
    pub const ANY: Self = Self(0);

    /// The key of an entity.
    pub fn entity(uid: &EntityUID) -> Self {
        Self::named(&type_name(uid.entity_type()), uid.eid().as_ref())
    }

    /// The key of the entity with this type and id.
    pub fn named(entity_type: &str, id: &str) -> Self {
        Self(FixedState::default().hash_one((entity_type, id)))
    }

    /// The key of an entity type.
    pub fn entity_type(name: &EntityType) -> Self {
        Self::type_named(&type_name(name))
    }

    /// The hash.
    pub fn hash(self) -> u64 {
        self.0
    }

    /// The key of the entity type with this name.
    pub fn type_named(name: &str) -> Self {
        Self(FixedState::default().hash_one(name))
    }
}

/// The qualified name of a type. Most types have no namespace, so no allocation is needed.
fn type_name(entity_type: &EntityType) -> Cow<'_, str> {
    let name = entity_type.name();
    if name.is_unqualified() {
        let name: &InternalName = name.as_ref();
        let basename: &str = name.basename().as_ref();
        Cow::from(basename)
    } else {
        Cow::from(name.to_string())
    }
}

/// The scope of a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScopeKeys {
    /// The principal, its ancestor, or its type.
    pub principal: Key,
    /// The actions or their ancestors. One of them suffices; an empty list matches nothing.
    pub actions: Vec<Key>,
    /// The resource, its ancestor, or its type.
    pub resource: Key,
}

impl ScopeKeys {
    /// The scope of every call.
    pub fn everything() -> Self {
        Self { principal: Key::ANY, actions: vec![Key::ANY], resource: Key::ANY }
    }

    /// The scope of a policy parsed by Cedar.
    pub fn of(policy: &Policy) -> Self {
        Self {
            principal: constraint_key(policy.principal_constraint().as_inner()),
            actions: match policy.action_constraint() {
                ActionConstraint::Any => vec![Key::ANY],
                ActionConstraint::Eq(action) => vec![Key::entity(action)],
                ActionConstraint::In(actions) => {
                    actions.iter().map(|action| Key::entity(action)).collect()
                }
            },
            resource: constraint_key(policy.resource_constraint().as_inner()),
        }
    }
}

fn constraint_key(constraint: &PrincipalOrResourceConstraint) -> Key {
    let key = |reference: &EntityReference| match reference {
        EntityReference::EUID(uid) => Key::entity(uid),
        // Static policies have no slots. An additional candidate is never wrong.
        EntityReference::Slot(_) => Key::ANY,
    };
    match constraint {
        PrincipalOrResourceConstraint::Any => Key::ANY,
        PrincipalOrResourceConstraint::Is(name) => Key::entity_type(name),
        PrincipalOrResourceConstraint::In(entity)
        | PrincipalOrResourceConstraint::Eq(entity)
        | PrincipalOrResourceConstraint::IsIn(_, entity) => key(entity),
    }
}
