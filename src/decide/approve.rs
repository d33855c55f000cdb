//! Decides whether a person may approve a call, and what policies see of an approval.

use std::sync::Arc;

use cedar_policy_core::ast::EntityUID;
use chrono::{DateTime, Utc};

use super::{Denial, Escalation, Question, judge};
use crate::bundle::Bundle;
use crate::gate::Caller;
use crate::identity::{Identity, Person};
use crate::policy::value::{self, Value};
use crate::reason::Reason;
use crate::tool::Tool;

/// Somebody who has approved a call.
#[derive(Clone, Copy, Debug)]
pub struct Approver<'a> {
    /// Who it is, of verified claims.
    pub person: &'a Person,
    /// When the approver decided.
    pub at: DateTime<Utc>,
    /// What the approver said.
    pub reason: Option<&'a str>,
}

/// A call that somebody has approved, who may.
#[derive(Debug)]
pub struct Approved {
    /// The sender, with the approval in its context.
    caller: Arc<Caller>,
    /// The policies that permit the approver to approve.
    pub policies: Vec<String>,
}

impl Approved {
    /// The question about the call, with the approval.
    pub fn question<'q>(&self, question: &'q Question<'_>) -> Question<'q> {
        question.of(Arc::clone(&self.caller), question.action())
    }
}

/// Decides whether somebody may approve a call of this sender. It takes four eyes, of one tenant, and a
/// permit of `Action::"approve"` with the resource and the context of the call, for each group that
/// policies name: the approval lifts all of them.
///
/// # Errors
///
/// [`Reason::SelfApproval`], [`Reason::ApproverNotPermitted`], or [`Reason::Internal`] if the approver
/// cannot be an entity of the bundle.
pub fn approve(
    bundle: &Bundle,
    sender: &Identity,
    tool: &Tool,
    (question, escalation): (&Question<'_>, &Escalation),
    approver: Approver<'_>,
) -> Result<Approved, Denial> {
    four_eyes(sender, approver.person)?;
    let identity = &approver.person.identity;
    let action = tool.approve_action().ok_or_else(Denial::unfit)?.into();
    if escalation.groups.is_empty() {
        return Err(Denial::because(Reason::ApproverNotPermitted));
    }
    let mut policies = Vec::new();
    for group in &escalation.groups {
        let caller = asked(bundle, sender, question, group, identity);
        let about = question.of(Arc::new(caller.ok_or_else(Denial::unfit)?), &action);
        #[cfg(debug_assertions)]
        about.in_cedar()?;
        let permit = judge(bundle.layers.of(identity), &about).map_err(|denial| {
            let why = denial.reason.as_str();
            let detail = format!("{} for `{group}`: {why}", named(identity));
            let reason = Reason::ApproverNotPermitted;
            Denial { reason, detail: Some(detail), advice: None, ..denial }.then(None)
        })?;
        policies.extend_from_slice(permit.policies());
    }
    policies.sort_unstable();
    policies.dedup();
    let caller = with_approval(bundle, sender, approver).ok_or_else(Denial::unfit)?;
    let granted = Approved { caller: Arc::new(caller), policies };
    #[cfg(debug_assertions)]
    granted.question(question).in_cedar()?;
    Ok(granted)
}

/// Whoever approves is neither the principal nor an agent of the delegation, and of the same tenant.
/// One subject can have several types, and ids with and without the issuer, so only the subject counts.
fn four_eyes(sender: &Identity, approver: &Person) -> Result<(), Denial> {
    let Person { identity, client } = approver;
    let (principal, person) = (&sender.principal, &identity.principal);
    let mut agents = sender.actor.iter().flat_map(|actor| &actor.chain);
    let is_person = |id: &str| subject(id) == subject(&person.id);
    let own = |detail| Denial { detail: Some(detail), ..Denial::because(Reason::SelfApproval) };
    if is_person(&principal.id) || agents.clone().any(|agent| is_person(agent)) {
        return Err(own(format!("{} is a party of the call", named(identity))));
    }
    // An agent of the delegation may have a token of somebody who may approve.
    let is_client = |agent: &&String| client.as_deref().map(subject) == Some(subject(agent));
    if let Some(agent) = agents.find(is_client) {
        let who = named(identity);
        return Err(own(format!("{who} has signed in with `{agent}`, an agent of the call")));
    }
    if principal.tenant != person.tenant {
        let detail = Some(format!("{} is of another tenant", named(identity)));
        return Err(Denial { detail, ..Denial::because(Reason::ApproverNotPermitted) });
    }
    Ok(())
}

/// An id without the issuer that qualifies it.
fn subject(id: &str) -> &str {
    id.rsplit_once('|').map_or(id, |(_, subject)| subject)
}

/// The approver as the principal of `Action::"approve"`.
fn asked(
    bundle: &Bundle,
    sender: &Identity,
    question: &Question<'_>,
    group: &str,
    approver: &Identity,
) -> Option<Caller> {
    let principal = bundle.entity_store().admit(approver.principal.entity.as_ref())?;
    let groups = value::set(std::iter::once(Value::from(group)));
    let members = [("groups", groups), ("requester", Value::from(named(sender).as_str()))];
    let mut context = question.sent_by().context.clone();
    context.push(("escalation", value::record(members)));
    Some(Caller::of_parts(principal, context))
}

/// The sender, with the approval in its context.
fn with_approval(
    bundle: &Bundle,
    sender: &Identity,
    Approver { person, at, reason }: Approver<'_>,
) -> Option<Caller> {
    let approver = EntityUID::from(person.identity.principal.entity.uid());
    let mut members = vec![("approver", Value::from(approver)), ("at", value::datetime(at)?)];
    members.extend(reason.map(|reason| ("reason", Value::from(reason))));
    Some(Caller::new(bundle, sender)?.with("approval", &value::record(members)))
}

/// A person as Cedar writes it.
fn named(identity: &Identity) -> String {
    identity.principal.entity.uid().to_string()
}
