//! The Cedar schema of a bundle: the author's entity types and one generated action per tool and
//! method.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Manifest;
use super::approvals::approver_type;
use crate::identity::{IdentityMapping, IdentityMode};
use crate::memory::Plan;
use crate::tool::{APPROVE, PATTERN, SERVER, Tool, reveal_group};

/// The author's schema followed by the generated part, so that positions in the author's text stay
/// valid.
pub(super) fn generate(
    author: &str,
    manifest: &Manifest,
    tools: &[Tool],
    plan: Option<&Plan>,
) -> String {
    let remembered = plan.map(Plan::types).unwrap_or_default();
    let mut text = format!("{author}\n{}", shared_types(manifest, &remembered));
    let servers = manifest.servers.keys().map(|server| format!("server:{server}"));
    let groups: BTreeSet<String> = tools.iter().flat_map(Tool::groups).chain(servers).collect();
    for group in &groups {
        declare(&mut text, &format!("action {};", quoted(group)));
    }
    if manifest.servers.values().any(|server| !server.resources.is_empty()) {
        declare(&mut text, &format!("entity {PATTERN} in [{SERVER}, {PATTERN}];"));
    }
    let labels: BTreeSet<&str> =
        tools.iter().flat_map(Tool::labels).map(|label| &*label.name).collect();
    for label in labels {
        declare(&mut text, &format!("action {};", quoted(&reveal_group(label))));
    }
    let approver = approver_type(manifest);
    if approver.is_some() {
        declare(&mut text, &format!("action {};", quoted(APPROVE)));
    }
    for tool in tools {
        declare(&mut text, &tool.declarations());
        let mut members = plan.map(|plan| plan.members(tool)).unwrap_or_default();
        if let Some(approver) = approver.as_ref().filter(|_| !tool.is_method()) {
            let of_approver = format!("{members},\n  escalation: toolgate::Escalation");
            let group = std::iter::once(APPROVE.to_owned());
            let (name, principals) = (tool.approve_name(), vec![approver.clone()]);
            let action = action_by(manifest, (tool, &of_approver), (&name, principals), group);
            declare(&mut text, &action);
            members.push_str(",\n  approval?: toolgate::Approval");
        }
        let members = (tool, members.as_str());
        declare(&mut text, &action(manifest, members, tool.qualified_name(), tool.groups()));
        // Not in the groups of the tool: a permit to call it reveals nothing.
        for label in tool.labels() {
            let group = std::iter::once(reveal_group(&label.name));
            declare(&mut text, &action(manifest, members, label.action.id().unescaped(), group));
        }
    }
    text
}

fn declare(text: &mut String, declaration: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{declaration}");
}

/// The types in `context` that all tools share.
fn shared_types(manifest: &Manifest, remembered: &str) -> String {
    let actor = &manifest.identity.actor;
    let agent = &actor.entity_type;
    let classes = actor.class_type.as_ref();
    let classes = classes.map(|class| format!(", all_in: Set<{class}>")).unwrap_or_default();
    let approvals = approver_type(manifest).map_or_else(String::new, |approver| {
        format!(
            "  type Approval = {{ approver: {approver}, at: datetime, reason?: String }};
  type Escalation = {{ groups: Set<String>, requester: String }};
"
        )
    });
    let capabilities = capabilities(&manifest.identity);
    format!(
        "namespace toolgate {{
  type Delegation = {{
    depth: Long, agents: Set<{agent}>, all_known: Bool{classes},
    all_profiles: Set<String>, actor_profiles: Set<String>
  }};
  type Token = {{
    issuer?: String, scopes: Set<String>, txn?: String, expires?: datetime,
    profiles: Set<String>, client_profiles: Set<String>
  }};
  type Request = {{
    time: datetime, source_ip?: ipaddr, method: String, path: String,
    environment: String, trace_id?: String
  }};
{approvals}{capabilities}{remembered}}}"
    )
}

/// The type of `context.capabilities`, if the bundle has capabilities.
fn capabilities(mapping: &IdentityMapping) -> String {
    if mapping.capabilities.is_empty() {
        return String::new();
    }
    let each = mapping.capabilities.iter().map(|capability| {
        let scopes = capability.scopes.iter().map(|_| "scopes: Set<String>".to_owned());
        let registered = ["expires: datetime", "txn?: String"].map(str::to_owned);
        let attributes = capability.attributes.iter().map(|(name, attribute)| {
            let optional = if attribute.optional { "?" } else { "" };
            format!("{}{optional}: {}", quoted(name), attribute.claim_type.as_str())
        });
        let members: Vec<String> = registered.into_iter().chain(scopes).chain(attributes).collect();
        format!("{}?: {{ {} }}", quoted(&capability.token), members.join(", "))
    });
    format!("  type Capabilities = {{ {} }};\n", each.collect::<Vec<_>>().join(", "))
}

/// An action about calls of a tool, whose context has these further members.
fn action(
    manifest: &Manifest,
    members: (&Tool, &str),
    name: &str,
    groups: impl Iterator<Item = String>,
) -> String {
    let identity = &manifest.identity;
    let workload = identity.workload.iter().map(|workload| workload.entity_type.to_string());
    let mut principals: Vec<String> = Vec::new();
    let intersects = identity.mode == IdentityMode::Intersection;
    let actor_type = intersects.then(|| identity.actor.entity_type.to_string());
    let by_token = identity.principal_types().map(ToString::to_string);
    for name in by_token.chain(workload).chain(actor_type) {
        if !principals.contains(&name) {
            principals.push(name);
        }
    }
    action_by(manifest, members, (name, principals), groups)
}

/// An action of principals of these types.
fn action_by(
    manifest: &Manifest,
    (tool, members): (&Tool, &str),
    (name, principals): (&str, Vec<String>),
    groups: impl Iterator<Item = String>,
) -> String {
    let identity = &manifest.identity;
    let groups = groups.map(|group| format!("Action::{}", quoted(&group)));
    let (actor, token) = (
        if identity.actor.required { "actor" } else { "actor?" },
        if identity.workload.is_none() { "token" } else { "token?" },
    );
    let capabilities = if identity.capabilities.is_empty() {
        ""
    } else {
        ",\n  capabilities: toolgate::Capabilities"
    };
    format!(
        "action {} in [{}] appliesTo {{ principal: [{}], resource: [{}], context: {{
  input: {},
  {actor}: {},
  {token}: toolgate::Token,
  delegation: toolgate::Delegation,
  request: toolgate::Request{capabilities}{members}
}} }};",
        quoted(name),
        groups.collect::<Vec<_>>().join(", "),
        principals.join(", "),
        tool.resource_types().join(", "),
        tool.input_type(),
        identity.actor.entity_type,
    )
}

/// A Cedar string literal. Names are validated earlier; escaping prevents schema injection if a
/// check was forgotten.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
