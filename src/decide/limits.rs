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
        return Err(denial(Reason::CapabilityMissing, format!("there is no token {missing}")));
    }
    for capability in &limits.capabilities.presented {
        within_capability(bundle, capability, tool, resource).map_err(|what| {
            let detail = Some(format!("the capability `{}` {what}", capability.name));
            Denial { detail, ..Denial::because(Reason::CapabilityExceeded) }
        })?;
    }
    let mut needed = tool.marks().scopes.iter().flatten().map(Scope::as_str);
    let held = limits.scopes.as_ref();
    let lacks = |scope: &&str| held.is_some_and(|held| held.iter().all(|it| it != scope));
    needed.find(lacks).map_or(Ok(()), |scope| {
        let detail = format!("the token does not have the scope `{scope}`");
        Err(denial(Reason::InsufficientScope, detail))
    })
}

/// The error is what the capability lacks, in words.
fn within_capability(
    bundle: &Bundle,
    capability: &Capability,
    tool: &Tool,
    resource: Option<&EntityUID>,
) -> Result<(), String> {
    if !has_tool(capability, tool) {
        return Err("is not for this tool".to_owned());
    }
    if let Some(scopes) = &capability.scopes {
        let Some(needed) = &tool.marks().scopes else {
            return Err("is limited by scopes, and the inventory has none for this tool".to_owned());
        };
        if let Some(lacking) = needed.iter().find(|it| !scopes.contains(it.as_str())) {
            return Err(format!("does not have the scope `{}`", lacking.as_str()));
        }
    }
    if !resource.is_none_or(|resource| has_resource(bundle, capability, resource)) {
        return Err("is not for this resource".to_owned());
    }
    Ok(())
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

/// The denial, with advice: it tells callers only of their own tokens.
fn denial(reason: Reason, detail: String) -> Denial {
    Denial { advice: Some(detail.clone()), detail: Some(detail), ..Denial::because(reason) }
}
