//! Which calls the scope of a policy admits.

use cedar_policy::{EntityUid, Policy, ResourceConstraint};

use crate::bundle::Bundle;
use crate::cli::analysis::scope::{admits_action, admits_resource_type};
use crate::tool::Tool;

/// Whether a policy's scope admits an action about calls of the tool with any resource that these
/// can have.
pub(super) fn admits(
    bundle: &Bundle,
    policy: &Policy,
    tool: &Tool,
    action: Option<&EntityUid>,
) -> bool {
    action.is_some_and(|action| admits_action(policy, action, bundle.entities()))
        && tool.resource_types().iter().any(|kind| admits_resource_type(policy, kind))
}

/// Whether a policy's scope admits every resource that calls of the tool can have.
pub(super) fn has_any_resource(policy: &Policy, tool: &Tool) -> bool {
    match policy.resource_constraint() {
        ResourceConstraint::Any => true,
        ResourceConstraint::Is(kind) => tool.resource_types() == [kind.to_string()],
        ResourceConstraint::Eq(only) => {
            !tool.has_many_resources() && only.id().unescaped() == tool.server()
        }
        ResourceConstraint::In(_) | ResourceConstraint::IsIn(..) => false,
    }
}
