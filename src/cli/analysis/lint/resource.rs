//! Finds policies about a server that miss those of its tools whose resource is not the server.

use cedar_policy::EntityUid;
use serde_json::Value;

use super::facts::{entity, is_about, operation};
use super::world::{Read, World};
use crate::bundle::{Code, Finding};
use crate::cli::output::report::listed;
use crate::tool::{SERVER, Tool};

/// The resource constraint of a policy.
struct ResourceScope<'a> {
    operator: &'a str,
    /// The server, or `None` for any.
    server: Option<EntityUid>,
}

/// Tools that a policy about a server seems to include but does not.
pub(super) fn check(world: &World<'_>, read: &Read<'_>) -> Option<Finding> {
    let asked = read.facts.all.iter().find_map(asked)?;
    let tools = world.tools(read);
    let mut missed = tools.iter().filter(|tool| misses(world, &asked, tool)).peekable();
    let first = missed.peek()?.resource_types().join(", ");
    let tools = listed(missed.map(|tool| tool.qualified_name()));
    let message =
        format!("it never matches {tools}: the resource there is a `{first}`, and no server");
    let (piece, help) = match &asked.server {
        Some(uid) => {
            let id: &str = uid.id().unescaped();
            let help =
                format!("ask `action in Action::\"server:{id}\"`, and leave `resource` open");
            (format!("resource {} {uid}", asked.operator), help)
        }
        None => (format!("resource is {SERVER}"), "leave `resource` open".to_owned()),
    };
    Some(read.finding_at(&piece, Code::ServerResource, message).with_help(help))
}

fn asked(fact: &Value) -> Option<ResourceScope<'_>> {
    let (operator, operand) = operation(fact).filter(|_| is_about(fact, "resource"))?;
    let right = operand.get("right").and_then(entity);
    match (operator, right) {
        ("==" | "in", Some(uid)) if uid.type_name().to_string() == SERVER => {
            Some(ResourceScope { operator, server: Some(uid) })
        }
        ("is", _) if operand.get("entity_type")? == SERVER => {
            Some(ResourceScope { operator, server: None })
        }
        _ => None,
    }
}

/// Whether the policy would include the tool if the tool's resource were its server.
fn misses(world: &World<'_>, asked: &ResourceScope<'_>, tool: &Tool) -> bool {
    let Some(mark) = &tool.marks().resource else { return false };
    let Some(server) = &asked.server else { return mark.entity_type.to_string() != SERVER };
    let id: &str = server.id().unescaped();
    // Entities in `entities.yaml` can be in a server.
    let belongs = || {
        let kind = mark.entity_type.as_cedar();
        let entities = world.entities();
        let mut known = entities.iter().filter(|entity| entity.uid().type_name() == kind);
        known
            .any(|entity| entity.uid() == *server || entities.is_ancestor_of(server, &entity.uid()))
    };
    id == tool.server() && !(asked.operator == "in" && belongs())
}
