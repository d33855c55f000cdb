//! Calls that policies leave to a person whom nobody can be.

use cedar_policy::{Effect, EntityUid};

use super::world::{Read, World};
use crate::bundle::{Code, Finding};
use crate::cli::analysis::scope::admits_action;
use crate::policy::CompiledPolicy;
use crate::tool::Tool;

/// Why nobody can approve what a policy escalates.
pub(super) fn check(world: &World<'_>, read: &Read<'_>, findings: &mut Vec<Finding>) {
    let Some(group) = read.policy.annotation("escalate") else { return };
    let finding =
        |message: &str| read.finding_at("@escalate", Code::Unapprovable, message.to_owned());
    if group.trim().is_empty() {
        let message = "the group is empty".to_owned();
        return findings.push(read.finding_at("@escalate", Code::AnnotationValue, message));
    }
    if read.is_permit() {
        let message = "only a `forbid` leaves calls to a person".to_owned();
        return findings.push(read.finding_at("@escalate", Code::AnnotationValue, message));
    }
    if world.bundle.approvals.is_none() {
        let help = "say with `approvals` in bundle.yaml who signs approvals";
        findings.push(finding("nobody is asked: the bundle has no `approvals`").with_help(help));
        return;
    }
    if !CompiledPolicy::of(read.policy.as_ref()).reads.has(&["approval"]) {
        let help = "end it with `unless { context has approval }`";
        findings.push(finding("no approval changes it").with_help(help));
    }
    let tools = world.tools(read);
    let unapproved = tools.iter().filter(|tool| !tool.is_method() && !is_approvable(world, tool));
    let names: Vec<&str> = unapproved.map(|tool| tool.qualified_name()).collect();
    if let [first, ..] = &names[..] {
        let message = format!("no policy permits anybody to approve `{first}`");
        let help = format!("write a permit of `Action::\"{first}/approve\"` for the approvers");
        findings.push(finding(&message).with_help(help));
    }
}

/// Whether the scope of a permit admits that a call of a tool is approved.
fn is_approvable(world: &World<'_>, tool: &Tool) -> bool {
    let Some(action) = tool.approve_action() else { return false };
    let permits = |action: &EntityUid| {
        let mut policies = world.policies().map(|(_, policy)| policy);
        policies.any(|policy| {
            policy.effect() == Effect::Permit && admits_action(policy, action, world.entities())
        })
    };
    permits(&action)
}
