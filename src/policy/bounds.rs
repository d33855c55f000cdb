//! The scope of a policy, tested exactly. The index finds candidates by hashes, which may be alike.

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityType, EntityUID, Policy, PrincipalOrResourceConstraint,
};

use super::Scene;
use super::condition::Named;

/// What a policy asks of principal, action and resource.
#[derive(Debug)]
pub struct Bounds {
    principal: Bound,
    /// One of them is enough; `None` where every action is.
    actions: Option<Vec<Named>>,
    /// Whether being in one of the actions is enough.
    within: bool,
    resource: Bound,
}

/// What is asked of one of them.
#[derive(Debug)]
struct Bound {
    entity_type: Option<EntityType>,
    entity: Asked,
}

#[derive(Debug)]
enum Asked {
    Anything,
    Being(Named),
    BeingIn(Named),
    /// A slot that is open, which no policy has.
    Untold,
}

impl Bounds {
    /// The scope of a policy.
    pub fn of(policy: &Policy) -> Self {
        let (actions, within) = match policy.action_constraint() {
            ActionConstraint::Any => (None, false),
            ActionConstraint::Eq(only) => (Some(vec![Named::of(only)]), false),
            ActionConstraint::In(all) => {
                (Some(all.iter().map(|uid| Named::of(uid)).collect()), true)
            }
        };
        Self {
            principal: Bound::of(policy.principal_constraint().as_inner()),
            actions,
            within,
            resource: Bound::of(policy.resource_constraint().as_inner()),
        }
    }

    /// Whether a call is inside; `None` if that cannot be told.
    pub fn admit(&self, scene: &Scene<'_>) -> Option<bool> {
        let named = |named: &Named| {
            &named.uid == scene.action || (self.within && scene.is_in(scene.action, named))
        };
        let action = self.actions.as_ref().is_none_or(|actions| actions.iter().any(named));
        Some(
            self.principal.admits(scene.principal.uid(), scene)?
                && action
                && self.resource.admits(scene.resource, scene)?,
        )
    }
}

impl Bound {
    fn of(constraint: &PrincipalOrResourceConstraint) -> Self {
        let (entity_type, entity) = match constraint {
            PrincipalOrResourceConstraint::Any => (None, Asked::Anything),
            PrincipalOrResourceConstraint::Is(name) => (Some(name), Asked::Anything),
            PrincipalOrResourceConstraint::Eq(other) => (None, Asked::being(other)),
            PrincipalOrResourceConstraint::In(other) => (None, Asked::being_in(other)),
            PrincipalOrResourceConstraint::IsIn(name, other) => {
                (Some(name), Asked::being_in(other))
            }
        };
        Self { entity_type: entity_type.map(|name| (**name).clone()), entity }
    }

    fn admits(&self, uid: &EntityUID, scene: &Scene<'_>) -> Option<bool> {
        if self.entity_type.as_ref().is_some_and(|name| uid.entity_type() != name) {
            return Some(false);
        }
        match &self.entity {
            Asked::Anything => Some(true),
            Asked::Being(other) => Some(uid == &other.uid),
            Asked::BeingIn(other) => Some(scene.is_in(uid, other)),
            Asked::Untold => None,
        }
    }
}

impl Asked {
    fn being(reference: &EntityReference) -> Self {
        match reference {
            EntityReference::EUID(uid) => Self::Being(Named::of(uid)),
            EntityReference::Slot(_) => Self::Untold,
        }
    }

    fn being_in(reference: &EntityReference) -> Self {
        match reference {
            EntityReference::EUID(uid) => Self::BeingIn(Named::of(uid)),
            EntityReference::Slot(_) => Self::Untold,
        }
    }
}
