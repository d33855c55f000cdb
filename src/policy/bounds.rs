//! The scope of a policy, tested exactly. The index finds candidates by hashes, which may be alike.

use cedar_policy_core::ast::{
    ActionConstraint, Entity, EntityReference, EntityUID, Policy, PrincipalOrResourceConstraint,
};
use cedar_policy_core::entities::{Dereference, Entities};

/// What a policy asks of principal, action and resource.
#[derive(Debug)]
pub struct Bounds {
    principal: PrincipalOrResourceConstraint,
    action: ActionConstraint,
    resource: PrincipalOrResourceConstraint,
}

/// Principal, action and resource of a call.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    principal: Party<'a>,
    action: Party<'a>,
    resource: Party<'a>,
}

/// One of them, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Party<'a> {
    uid: &'a EntityUID,
    entity: Option<&'a Entity>,
}

impl Bounds {
    /// The scope of a policy.
    pub fn of(policy: &Policy) -> Self {
        Self {
            principal: policy.principal_constraint().into_inner(),
            action: policy.action_constraint().clone(),
            resource: policy.resource_constraint().into_inner(),
        }
    }

    /// Whether a call is inside; `None` if that cannot be told.
    pub fn admit(&self, parties: &Parties<'_>) -> Option<bool> {
        let action = match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(action) => parties.action.uid == &**action,
            ActionConstraint::In(actions) => {
                actions.iter().any(|action| parties.action.is_in(action))
            }
        };
        Some(
            parties.principal.meets(&self.principal)?
                && action
                && parties.resource.meets(&self.resource)?,
        )
    }
}

impl<'a> Parties<'a> {
    /// The parties of a call.
    pub fn new([principal, action, resource]: [&'a EntityUID; 3], entities: &'a Entities) -> Self {
        let party = |uid: &'a EntityUID| Party {
            uid,
            entity: match entities.entity(uid) {
                Dereference::Data(entity) => Some(entity),
                Dereference::NoSuchEntity | Dereference::Residual(_) => None,
            },
        };
        Self { principal: party(principal), action: party(action), resource: party(resource) }
    }
}

impl Party<'_> {
    fn meets(&self, constraint: &PrincipalOrResourceConstraint) -> Option<bool> {
        let of_type = |name| self.uid.entity_type() == name;
        Some(match constraint {
            PrincipalOrResourceConstraint::Any => true,
            PrincipalOrResourceConstraint::Eq(other) => self.uid == known(other)?,
            PrincipalOrResourceConstraint::In(other) => self.is_in(known(other)?),
            PrincipalOrResourceConstraint::Is(name) => of_type(&**name),
            PrincipalOrResourceConstraint::IsIn(name, other) => {
                of_type(&**name) && self.is_in(known(other)?)
            }
        })
    }

    fn is_in(&self, other: &EntityUID) -> bool {
        self.uid == other || self.entity.is_some_and(|entity| entity.is_descendant_of(other))
    }
}

/// No policy has an open slot.
fn known(reference: &EntityReference) -> Option<&EntityUID> {
    match reference {
        EntityReference::EUID(uid) => Some(uid),
        EntityReference::Slot(_) => None,
    }
}
