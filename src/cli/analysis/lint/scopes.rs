//! Finds limits by scopes that limit less than they seem to.

use super::world::World;
use crate::bundle::{Code, Finding, Site};
use crate::identity::{CapabilityMapping, Scope};
use crate::policy::{CAPABILITIES, CompiledPolicy};
use crate::tool::Tool;

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let capabilities = world.document.manifest.identity.capabilities.iter().enumerate();
    let unlimited = capabilities.filter_map(|(position, capability)| {
        let why = unlimited(world, capability)?;
        let site = Site::Manifest(format!("identity.capabilities.{position}"));
        let finding =
            Finding::new(Code::LimitsNothing, site, format!("`{}` {why}", capability.token));
        Some(finding.with_help("give tools `scopes`, which may be `[]`, or the capability `tools`"))
    });
    unlimited.chain(unoffered(world)).collect()
}

/// What a capability does not limit.
fn unlimited(world: &World<'_>, capability: &CapabilityMapping) -> Option<String> {
    if capability.tools.is_some() || !capability.resources.is_empty() {
        return None;
    }
    if capability.scopes.is_none() {
        let path = [CAPABILITIES, capability.token.as_str()];
        let mut policies = world.policies().map(|(_, policy)| policy);
        let is_read = policies.any(|it| CompiledPolicy::of(it.as_ref()).reads.has(&path));
        return (!is_read).then(|| {
            "has no `scopes`, `tools` or `resources`, and no policy reads it: it limits nothing"
                .to_owned()
        });
    }
    // An empty list says that any token will do.
    let without = |tool: &&&Tool| !tool.is_method() && tool.marks().scopes.is_none();
    let names: Vec<&str> =
        world.tools.iter().filter(without).map(|it| it.qualified_name()).collect();
    let (first, others) = names.split_first()?;
    let others = match others.len() {
        0 => String::new(),
        number => format!(" and {number} more"),
    };
    Some(format!(
        "limits by scopes, and any such token may call `{first}`{others} without `scopes`"
    ))
}

/// Scopes of tools that a challenge cannot name.
fn unoffered(world: &World<'_>) -> Option<Finding> {
    let offered = &world.document.manifest.refusal.step_up;
    if offered.is_empty() {
        return None;
    }
    let is_unknown = |scope: &&str| !offered.iter().any(|known| known.as_str() == *scope);
    let mut tools = world.tools.iter();
    let (tool, scope) =
        tools.find_map(|tool| Some((tool.qualified_name(), scopes(tool).find(is_unknown)?)))?;
    let site = Site::Manifest("refusal.step_up".to_owned());
    let message = format!("no client is asked for the scope `{scope}` of `{tool}`");
    let help = format!("add `{scope}`, or leave the list empty");
    Some(Finding::new(Code::UnofferedScope, site, message).with_help(help))
}

fn scopes(tool: &Tool) -> impl Iterator<Item = &str> {
    tool.marks().scopes.iter().flatten().map(Scope::as_str)
}
