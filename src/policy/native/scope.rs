//! Evaluates the scope of a policy exactly. The index finds candidates by hashes, which can
//! collide.

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityType, EntityUID, Policy, PrincipalOrResourceConstraint,
};

use super::expr::NamedEntity;
use crate::policy::native::Env;

/// The constraints of a policy on principal, action and resource.
#[derive(Debug)]
pub(super) struct Scope {
    principal: Constraint,
    /// One of these actions suffices; `None` allows any action.
    actions: Option<Vec<NamedEntity>>,
    /// Whether a descendant of one of the actions suffices.
    within: bool,
    resource: Constraint,
}

/// The constraint on a principal or resource.
#[derive(Debug)]
struct Constraint {
    entity_type: Option<EntityType>,
    entity: Relation,
}

#[derive(Debug)]
enum Relation {
    Any,
    Equal(NamedEntity),
    In(NamedEntity),
    /// The slot of a template, which Cedar resolves.
    Slot,
}

impl Scope {
    pub(super) fn of(policy: &Policy) -> Self {
        let (actions, within) = match policy.action_constraint() {
            ActionConstraint::Any => (None, false),
            ActionConstraint::Eq(only) => (Some(vec![NamedEntity::of(only)]), false),
            ActionConstraint::In(all) => {
                (Some(all.iter().map(|uid| NamedEntity::of(uid)).collect()), true)
            }
        };
        Self {
            principal: Constraint::of(policy.principal_constraint().as_inner()),
            actions,
            within,
            resource: Constraint::of(policy.resource_constraint().as_inner()),
        }
    }

    /// Whether a call is in the scope.
    pub(super) fn matches(&self, env: &Env<'_>) -> Option<bool> {
        let is_met = |named: &NamedEntity| {
            &named.uid == env.action || (self.within && env.is_in(env.action, named))
        };
        let action = self.actions.as_ref().is_none_or(|actions| actions.iter().any(is_met));
        Some(
            self.principal.is_met(env.principal.uid(), env)?
                && action
                && self.resource.is_met(env.resource, env)?,
        )
    }
}

impl Constraint {
    fn of(constraint: &PrincipalOrResourceConstraint) -> Self {
        let (entity_type, entity) = match constraint {
            PrincipalOrResourceConstraint::Any => (None, Relation::Any),
            PrincipalOrResourceConstraint::Is(name) => (Some(name), Relation::Any),
            PrincipalOrResourceConstraint::Eq(other) => {
                (None, Relation::to(other, Relation::Equal))
            }
            PrincipalOrResourceConstraint::In(other) => (None, Relation::to(other, Relation::In)),
            PrincipalOrResourceConstraint::IsIn(name, other) => {
                (Some(name), Relation::to(other, Relation::In))
            }
        };
        Self { entity_type: entity_type.map(|name| (**name).clone()), entity }
    }

    fn is_met(&self, uid: &EntityUID, env: &Env<'_>) -> Option<bool> {
        if self.entity_type.as_ref().is_some_and(|name| uid.entity_type() != name) {
            return Some(false);
        }
        match &self.entity {
            Relation::Any => Some(true),
            Relation::Equal(other) => Some(uid == &other.uid),
            Relation::In(other) => Some(env.is_in(uid, other)),
            Relation::Slot => None,
        }
    }
}

impl Relation {
    fn to(reference: &EntityReference, relation: fn(NamedEntity) -> Self) -> Self {
        match reference {
            EntityReference::EUID(uid) => relation(NamedEntity::of(uid)),
            EntityReference::Slot(_) => Self::Slot,
        }
    }
}
