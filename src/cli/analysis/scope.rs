//! Which principals, actions and resources the scope of a policy admits, regardless of its
//! conditions.

use cedar_policy::{
    ActionConstraint, Entities, EntityUid, Policy, PrincipalConstraint, ResourceConstraint,
};

/// Whether a policy's scope admits an action.
pub(in crate::cli) fn admits_action(
    policy: &Policy,
    action: &EntityUid,
    entities: &Entities,
) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => only == *action,
        ActionConstraint::In(groups) => groups.iter().any(|group| is_in(action, group, entities)),
    }
}

/// Whether a policy's scope admits a principal.
pub(in crate::cli) fn admits_principal(
    policy: &Policy,
    principal: &EntityUid,
    entities: &Entities,
) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::Any => true,
        PrincipalConstraint::Eq(only) => only == *principal,
        PrincipalConstraint::In(group) => is_in(principal, &group, entities),
        PrincipalConstraint::Is(kind) => kind == *principal.type_name(),
        PrincipalConstraint::IsIn(kind, group) => {
            kind == *principal.type_name() && is_in(principal, &group, entities)
        }
    }
}

/// Whether a policy's scope admits a resource.
pub(in crate::cli) fn admits_resource(
    policy: &Policy,
    resource: &EntityUid,
    entities: &Entities,
) -> bool {
    match policy.resource_constraint() {
        ResourceConstraint::Any => true,
        ResourceConstraint::Eq(only) => only == *resource,
        ResourceConstraint::In(group) => is_in(resource, &group, entities),
        ResourceConstraint::Is(kind) => kind == *resource.type_name(),
        ResourceConstraint::IsIn(kind, group) => {
            kind == *resource.type_name() && is_in(resource, &group, entities)
        }
    }
}

/// Whether a policy's scope admits a resource of this type.
pub(in crate::cli) fn admits_resource_type(policy: &Policy, kind: &str) -> bool {
    match policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::In(_) => true,
        ResourceConstraint::Eq(only) => only.type_name().to_string() == kind,
        ResourceConstraint::Is(only) | ResourceConstraint::IsIn(only, _) => {
            only.to_string() == kind
        }
    }
}

/// Whether a policy has no condition and does not constrain its principals.
pub(in crate::cli) fn is_for_everybody(policy: &Policy) -> bool {
    policy.principal_constraint() == PrincipalConstraint::Any && !policy.has_non_scope_constraint()
}

/// Whether the scope of a policy admits the principals and resources that another one about the same
/// calls does; `any_resource`: whether it admits every resource of these calls.
pub(in crate::cli) fn covers(policy: &Policy, other: &Policy, any_resource: bool) -> bool {
    let principal = policy.principal_constraint();
    (any_resource || policy.resource_constraint() == other.resource_constraint())
        && (principal == PrincipalConstraint::Any || principal == other.principal_constraint())
}

fn is_in(entity: &EntityUid, group: &EntityUid, entities: &Entities) -> bool {
    entity == group || entities.is_ancestor_of(group, entity)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cedar_policy::Entity;

    use super::*;

    /// Entities without ancestors, except that the principal is in `Role::"rep"`.
    fn entities() -> Entities {
        let principal =
            Entity::new_no_attrs(uid("User::\"ann\""), HashSet::from([uid("Role::\"rep\"")]));
        Entities::from_entities([principal], None).expect("entities")
    }

    fn uid(text: &str) -> EntityUid {
        text.parse().expect("an entity")
    }

    #[track_caller]
    fn check(scope: &str, expected: (bool, bool, bool)) {
        let policy: Policy = format!("permit ({scope});").parse().expect("a policy");
        let entities = entities();
        let admitted = (
            admits_principal(&policy, &uid("User::\"ann\""), &entities),
            admits_action(&policy, &uid("Action::\"a\""), &entities),
            admits_resource(&policy, &uid("Server::\"s\""), &entities),
        );
        assert_eq!(admitted, expected, "{scope}");
    }

    #[test]
    fn resources_by_their_type() {
        for (scope, admitted) in [
            ("resource", true),
            ("resource is Room", true),
            ("resource is Room in Server::\"s\"", true),
            ("resource == Room::\"r\"", true),
            ("resource in Server::\"s\"", true),
            ("resource is Server", false),
            ("resource == Server::\"s\"", false),
        ] {
            let policy = format!("permit (principal, action, {scope});").parse().expect("a policy");
            assert_eq!(admits_resource_type(&policy, "Room"), admitted, "{scope}");
        }
    }

    #[test]
    fn what_a_scope_covers() {
        let policy = |scope: &str| -> Policy {
            let scope = scope.replace("rep", "Role::\"rep\"");
            format!("permit (principal {scope};").parse().expect("a policy")
        };
        let rep = policy("in rep, action, resource)");
        for (scope, covered) in [
            ("in rep, action, resource)", true),
            (", action, resource)", true),
            ("in rep, action, resource is Room)", false),
            ("== rep, action, resource)", false),
        ] {
            assert_eq!(covers(&policy(scope), &rep, false), covered, "{scope}");
        }
        assert!(covers(&policy("in rep, action, resource is Room)"), &rep, true));
    }

    #[test]
    fn what_a_scope_admits() {
        check("principal, action, resource", (true, true, true));
        check(
            "principal in Role::\"rep\", action == Action::\"a\", resource is Server",
            (true, true, true),
        );
        check(
            "principal in Role::\"boss\", action == Action::\"b\", resource is Room",
            (false, false, false),
        );
        check(
            "principal == User::\"ann\", action in [Action::\"b\", Action::\"a\"], resource",
            (true, true, true),
        );
        check(
            "principal == User::\"bob\", action in [], resource == Server::\"t\"",
            (false, false, false),
        );
        check(
            "principal is User in Role::\"rep\", action, resource in Server::\"s\"",
            (true, true, true),
        );
        check(
            "principal is Job in Role::\"rep\", action, resource is Server in Room::\"r\"",
            (false, true, false),
        );
    }
}
