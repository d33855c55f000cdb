//! The scope of a policy, and of a call, as keys that meet where the policy can match.

use std::borrow::Cow;
use std::hash::BuildHasher as _;

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityType, EntityUID, InternalName, Policy,
    PrincipalOrResourceConstraint,
};
use foldhash::fast::FixedState;

/// An entity or an entity type as a hash. Two with the same one make a policy a candidate that
/// cannot match, which costs its evaluation and changes nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Key(u64);

impl Key {
    /// What a policy has that says nothing of a principal, an action or a resource.
    pub const ANY: Self = Self(0);

    /// The key of an entity.
    pub fn entity(uid: &EntityUID) -> Self {
        Self::named(&type_name(uid.entity_type()), uid.eid().as_ref())
    }

    /// The key of the entity of this type and id.
    pub fn named(entity_type: &str, id: &str) -> Self {
        Self(FixedState::default().hash_one((entity_type, id)))
    }

    /// The key of an entity type.
    pub fn entity_type(name: &EntityType) -> Self {
        Self::type_named(&type_name(name))
    }

    /// The key as a hash, of which equal keys have the same.
    pub fn hash(self) -> u64 {
        self.0
    }

    /// The key of the entity type of this name.
    pub fn type_named(name: &str) -> Self {
        Self(FixedState::default().hash_one(name))
    }
}

/// The name of a type as policies write it. Most types have no namespace, and so need no text made.
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

/// Where a policy can match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// The principal, what it must be in, or its type.
    pub principal: Key,
    /// The actions, or what they must be in: one is enough, and without one nothing matches.
    pub actions: Vec<Key>,
    /// The resource, what it must be in, or its type.
    pub resource: Key,
}

impl Scope {
    /// Every call.
    pub fn everything() -> Self {
        Self { principal: Key::ANY, actions: vec![Key::ANY], resource: Key::ANY }
    }

    /// The scope of a policy that Cedar has read.
    pub fn of(policy: &Policy) -> Self {
        Self {
            principal: constrained(policy.principal_constraint().as_inner()),
            actions: match policy.action_constraint() {
                ActionConstraint::Any => vec![Key::ANY],
                ActionConstraint::Eq(action) => vec![Key::entity(action)],
                ActionConstraint::In(actions) => {
                    actions.iter().map(|action| Key::entity(action)).collect()
                }
            },
            resource: constrained(policy.resource_constraint().as_inner()),
        }
    }
}

fn constrained(constraint: &PrincipalOrResourceConstraint) -> Key {
    let referred = |reference: &EntityReference| match reference {
        EntityReference::EUID(uid) => Key::entity(uid),
        // No policy has an open slot; one that had would be evaluated for every call, and fail.
        EntityReference::Slot(_) => Key::ANY,
    };
    match constraint {
        PrincipalOrResourceConstraint::Any => Key::ANY,
        PrincipalOrResourceConstraint::Is(name) => Key::entity_type(name),
        PrincipalOrResourceConstraint::In(entity)
        | PrincipalOrResourceConstraint::Eq(entity)
        | PrincipalOrResourceConstraint::IsIn(_, entity) => referred(entity),
    }
}

/// What of each part of a scope a call meets.
#[derive(Clone, Debug)]
pub struct Keys<'a> {
    /// Of the principal: itself, what it is in, and its type.
    pub principal: Cow<'a, [Key]>,
    /// Of the action: itself and what it is in.
    pub action: Cow<'a, [Key]>,
    /// Of the resource: itself, what it is in, and its type.
    pub resource: Cow<'a, [Key]>,
}
