//! Whether a call is within the limits of its caller: the scopes of the token, and capabilities. They
//! only restrict: policies must permit the call as well.

use cedar_policy_core::ast::EntityUID;

use super::Denial;
use crate::bundle::Bundle;
use crate::gate::Caller;
use crate::identity::{Capability, Scope};
use crate::reason::Reason;
use crate::tool::Tool;

/// Refuses a call of a tool about a resource that is beyond a limit of the caller; without a resource,
/// refuses what is beyond a limit whatever the call is about.
pub(super) fn within(
    bundle: &Bundle,
    caller: &Caller,
    tool: &Tool,
    resource: Option<&EntityUID>,
) -> Result<(), Denial> {
    let limits = &caller.limits;
    if let Some(missing) = &limits.capabilities.missing {
        return Err(denial(Reason::CapabilityMissing, format!("there is no token `{missing}`")));
    }
    for capability in &limits.capabilities.presented {
        let exceeded = |what: &str| {
            let detail = format!("the capability `{}` {what}", capability.name);
            Err(denial(Reason::CapabilityExceeded, detail))
        };
        if !has_tool(capability, tool) {
            return exceeded("is not for this tool");
        }
        if let Some(scopes) = &capability.scopes {
            let Some(needed) = &tool.marks().scopes else {
                return exceeded("has scopes, and the tool is of none");
            };
            if let Some(lacking) = needed.iter().find(|it| !scopes.contains(it.as_str())) {
                let lacking = lacking.as_str();
                return exceeded(&format!("does not have the scope `{lacking}`"));
            }
        }
        if !resource.is_none_or(|resource| has_resource(bundle, capability, resource)) {
            return exceeded("is not for this resource");
        }
    }
    let mut needed = tool.marks().scopes.iter().flatten().map(Scope::as_str);
    let held = limits.scopes.as_ref();
    let lacks = |scope: &&str| held.is_some_and(|held| held.iter().all(|it| it != scope));
    match needed.find(lacks) {
        Some(scope) => {
            let detail = format!("the token does not have the scope `{scope}`");
            let advice = Some(detail.clone());
            Err(Denial { advice, ..denial(Reason::InsufficientScope, detail) })
        }
        None => Ok(()),
    }
}

/// Whether a capability names a tool, or all tools of its server.
fn has_tool(capability: &Capability, tool: &Tool) -> bool {
    let Some(tools) = &capability.tools else { return true };
    tools.contains(tool.qualified_name()) || tools.contains(&format!("{}/*", tool.server()))
}

/// Whether a capability names a resource, or something that it is in.
fn has_resource(bundle: &Bundle, capability: &Capability, resource: &EntityUID) -> bool {
    let Some(granted) = &capability.resources else { return true };
    let is_granted = |uid: &EntityUID| granted.contains(&uid.clone().into());
    let ancestors = || bundle.entity_store().ancestors(resource).into_iter().flatten();
    is_granted(resource) || ancestors().any(is_granted)
}

fn denial(reason: Reason, detail: String) -> Denial {
    Denial { detail: Some(detail), ..Denial::because(reason) }
}
