//! Finds scopes that are missing where something asks for them.

use super::world::World;
use crate::bundle::{Code, Finding, Site};
use crate::identity::{CapabilityMapping, Scope};
use crate::tool::Tool;

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let capabilities = world.document.manifest.identity.capabilities.iter().enumerate();
    let beyond = capabilities.filter_map(|(position, capability)| {
        let site = Site::Manifest(format!("identity.capabilities.{position}"));
        let finding = Finding::new(Code::BeyondCapability, site, beyond(world, capability)?);
        Some(finding.with_help("write `scopes: []` if every such token will do"))
    });
    beyond.chain(not_in_step_up(world)).collect()
}

/// The tools that no capability of scopes is for: they have none.
fn beyond(world: &World<'_>, capability: &CapabilityMapping) -> Option<String> {
    capability.scopes.as_ref()?;
    let without = |tool: &&&Tool| !tool.is_method() && tool.marks().scopes.is_none();
    let names: Vec<&str> =
        world.tools.iter().filter(without).map(|it| it.qualified_name()).collect();
    let (first, others) = names.split_first()?;
    let others = match others.len() {
        0 => String::new(),
        number => format!(" and {number} more"),
    };
    Some(format!("no call of `{first}`{others} is within `{}`: no `scopes`", capability.token))
}

/// Scopes of tools that a challenge cannot name.
fn not_in_step_up(world: &World<'_>) -> Option<Finding> {
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
