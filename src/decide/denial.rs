//! Why a message is refused.

use std::sync::Arc;

use crate::approval::{Challenge, Query};
use crate::bundle::{Layer, LayerName};
use crate::digest::Digest;
use crate::memory::{Exceeded, Spending, Uncountable, Unpaid};
use crate::policy::CompiledPolicy;
use crate::reason::Reason;
use crate::tool::Tool;

/// How the details of a denial begin that is about an inner call.
pub const INNER: &str = "the inner call";

/// Why a message is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The reason.
    pub reason: Reason,
    /// The refusing policies, sorted by id.
    pub policies: Vec<String>,
    /// The refusing layer.
    pub layer: Option<LayerName>,
    /// The advice for the caller: the policy's `@reason`, or the problem with the arguments.
    pub advice: Option<String>,
    /// A description of the problem, for the record only.
    pub detail: Option<String>,
    /// Whether it is about the inner call of the call.
    pub is_inner: bool,
    /// What few denials have.
    pub rare: Option<Box<Rare>>,
}

/// What few denials have. They stay small, since every decision can be one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rare {
    /// The party that is not permitted, if each needs the right by itself.
    party: Option<String>,
    /// What follows from the denial.
    next: Option<Next>,
}

/// What follows from a denial.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// The call exceeds this budget, and may fit later.
    Wait(Exceeded),
    /// Only this stands against the call, and a person can approve it.
    Escalate(Escalation),
    /// These scopes would permit the call, or put it to a person.
    StepUp(Vec<String>),
    /// The approval service must be asked before the denial holds.
    Ask(Query),
    /// A person is asked.
    Told(Challenge),
}

/// Who can approve a call.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Escalation {
    /// The groups that `@escalate` names, sorted.
    pub groups: Vec<String>,
    /// What the policies say to people.
    pub reasons: Vec<String>,
}

impl Denial {
    /// A denial without policies.
    pub fn because(reason: Reason) -> Self {
        Self {
            reason,
            policies: Vec::new(),
            layer: None,
            advice: None,
            detail: None,
            is_inner: false,
            rare: None,
        }
    }

    /// The budget that the call exceeds.
    pub(crate) fn exceeded(&self) -> Option<&Exceeded> {
        if let Some(Next::Wait(exceeded)) = self.next() { Some(exceeded) } else { None }
    }

    /// Who can approve the call, if only this stands against it.
    pub(crate) fn escalation(&self) -> Option<&Escalation> {
        if let Some(Next::Escalate(escalation)) = self.next() { Some(escalation) } else { None }
    }

    /// What the approval service must be asked before the denial holds.
    pub(crate) fn question(&self) -> Option<&Query> {
        if let Some(Next::Ask(query)) = self.next() { Some(query) } else { None }
    }

    /// Where a person is asked.
    pub(crate) fn challenge(&self) -> Option<&Challenge> {
        if let Some(Next::Told(challenge)) = self.next() { Some(challenge) } else { None }
    }

    /// The scopes that would permit the call, or put it to a person.
    pub(crate) fn step_up(&self) -> Option<&[String]> {
        if let Some(Next::StepUp(scopes)) = self.next() { Some(scopes) } else { None }
    }

    /// The same denial, from which this follows, or nothing.
    pub(crate) fn then(mut self, next: Option<Next>) -> Self {
        self.rare.get_or_insert_default().next = next;
        self
    }

    /// The party that is not permitted, if each needs the right by itself.
    pub fn party(&self) -> Option<&str> {
        self.rare.as_ref()?.party.as_deref()
    }

    fn next(&self) -> Option<&Next> {
        self.rare.as_ref()?.next.as_ref()
    }

    /// The denial of a call that each of these policies forbids unless a person approves it.
    pub(super) fn escalated(layer: &Layer, policies: &[Arc<CompiledPolicy>]) -> Self {
        let mut groups: Vec<String> =
            policies.iter().filter_map(|policy| policy.escalate.clone()).collect();
        groups.sort_unstable();
        groups.dedup();
        let reasons: Vec<String> = policies.iter().filter_map(|it| it.reason.clone()).collect();
        Self {
            policies: policies.iter().map(|policy| policy.id.clone()).collect(),
            layer: Some(layer.name.clone()),
            advice: reasons.first().cloned(),
            ..Self::because(Reason::ApprovalRequired)
        }
        .then(Some(Next::Escalate(Escalation { groups, reasons })))
    }

    /// The denial of a call that this and another layer or party escalate.
    pub(super) fn and_escalated(mut self, other: &Self) -> Self {
        self.policies.extend_from_slice(&other.policies);
        self.policies.sort_unstable();
        self.policies.dedup();
        let of_both = self.escalation().zip(other.escalation()).map(|(own, more)| {
            let mut groups = [own.groups.as_slice(), &more.groups].concat();
            groups.sort_unstable();
            groups.dedup();
            let mut reasons = own.reasons.clone();
            reasons.extend(more.reasons.iter().filter(|it| !own.reasons.contains(it)).cloned());
            Next::Escalate(Escalation { groups, reasons })
        });
        self.then(of_both)
    }

    /// The denial of a call because of this denial of its inner call.
    #[must_use]
    pub(crate) fn of_inner(self) -> Self {
        let detail = match &self.detail {
            Some(detail) => format!("{INNER}: {detail}"),
            None => INNER.to_owned(),
        };
        Self { detail: Some(detail), is_inner: true, ..self }
    }

    /// The denial of a call because of this denial for one of its parties.
    #[must_use]
    pub(super) fn of_party(mut self, party: &str) -> Self {
        let mut detail = format!("`{party}` is not permitted by itself");
        if let Some(why) = &self.detail {
            detail = format!("{detail}: {why}");
        }
        self.rare.get_or_insert_default().party = Some(party.to_owned());
        Self { detail: Some(detail), ..self }
    }

    /// The denial of a call of a tool that was listed with this digest, which differs from its pin.
    pub(crate) fn changed(tool: &Tool, listed: &Digest) -> Self {
        let detail = Some(difference(tool, listed));
        Self { detail, ..Self::because(Reason::ToolChanged) }
    }

    /// The denial of a call that exceeds a budget.
    pub(crate) fn exceeding(exceeded: &Exceeded) -> Self {
        let Spending { budget, used, limit, amount } = &exceeded.spending;
        let advice = match exceeded.seconds() {
            Some(wait) => format!("the budget `{budget}` is used up; try again in {wait} s"),
            None => format!("the call spends more than the whole budget `{budget}`"),
        };
        Self {
            advice: Some(advice),
            detail: Some(format!("budget `{budget}`: {used} used, {amount} more, {limit} at most")),
            ..Self::because(Reason::BudgetExceeded)
        }
        .then(Some(Next::Wait(exceeded.clone())))
    }

    /// The denial of a call that could not be charged to a global budget.
    pub(crate) fn unpaid(unpaid: &Unpaid) -> Self {
        match unpaid {
            Unpaid::Exceeded(exceeded) => Self::exceeding(exceeded),
            Unpaid::Incomplete => Self::forgotten(None),
            Unpaid::Unavailable(budget, why) => Self {
                advice: Some("the service that counts a budget does not answer".to_owned()),
                detail: Some(format!("budget `{budget}`: {why}")),
                ..Self::because(Reason::BudgetUnavailable)
            },
        }
    }

    /// The denial of a call about which earlier calls count that may have been forgotten.
    pub(crate) fn forgotten(policy: Option<&str>) -> Self {
        let reader = policy.map(|policy| format!("policy `{policy}` reads what may be missing"));
        let detail = reader.unwrap_or_else(|| "a budget counts what may be missing".to_owned());
        Self { detail: Some(detail), ..Self::because(Reason::HistoryIncomplete) }
    }

    /// The denial of a call whose amount cannot be counted.
    pub(crate) fn uncountable(uncountable: &Uncountable) -> Self {
        let Uncountable { argument, problem } = uncountable;
        let advice = Some(format!("argument `{argument}` {problem}"));
        Self { detail: advice.clone(), advice, ..Self::because(Reason::InvalidArguments) }
    }

    /// The denial of a call that does not fit the schema, which loading the bundle rules out.
    /// Cedar's error is not used: it repeats values, which may be arguments that the inventory
    /// redacts.
    pub(crate) fn unfit() -> Self {
        let detail = Some("the call does not fit the bundle's schema".to_owned());
        Self { detail, ..Self::because(Reason::Internal) }
    }
}

/// How a tool that was listed with this digest differs from its pin, in words.
pub(crate) fn difference(tool: &Tool, listed: &Digest) -> String {
    format!("its server lists it as {listed}, and it is pinned as {}", tool.pin().digest())
}
