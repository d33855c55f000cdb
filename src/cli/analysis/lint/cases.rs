//! Finds cases that can never pass, and policies that no case expects.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, Effect, EntityUid, Policy};

use super::world::World;
use crate::bundle::{Code, Finding, LayerName, Site};
use crate::cli::input::cases::{Expect, Suite};
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use crate::reason::{Decision, Reason};
use crate::tool::{APPROVE, REVEAL};

/// Every policy by id.
type Policies<'a> = BTreeMap<&'a str, (&'a LayerName, Effect)>;

fn policies<'a>(world: &World<'a>) -> Policies<'a> {
    let named = |(layer, policy): (&'a LayerName, &'a Policy)| {
        let id: &str = policy.id().as_ref();
        (id, (layer, policy.effect()))
    };
    world.policies().map(named).collect()
}

/// Cases with impossible expectations.
pub(super) fn impossible(world: &World<'_>, suite: &Suite) -> Vec<Problem> {
    let policies = policies(world);
    let mut problems = Vec::new();
    for (_, case, place) in suite.cases() {
        let found = outcomes(&case.expect).flat_map(|outcome| outcome.problems(&policies));
        for (message, help) in found {
            let message = format!("case `{}`: {message}", case.name);
            let problem = Problem::at(place.clone(), message).with_code(Code::ImpossibleCase);
            let problem = Problem { at: Some(case.name.clone()), ..problem };
            problems.push(match help {
                Some(help) => problem.with_help(help),
                None => problem,
            });
        }
    }
    problems
}

/// An expected outcome, with or without shadow policies.
struct Outcome<'a> {
    decision: Decision,
    reason: Reason,
    policies: &'a BTreeSet<String>,
}

fn outcomes(expect: &Expect) -> impl Iterator<Item = Outcome<'_>> {
    let Expect { decision, reason, policies, shadow, .. } = expect;
    let shadow = shadow.as_ref().map(|shadow| Outcome {
        decision: shadow.decision,
        reason: shadow.reason,
        policies: &shadow.policies,
    });
    [Outcome { decision: *decision, reason: *reason, policies }].into_iter().chain(shadow)
}

impl Outcome<'_> {
    fn problems(&self, policies: &Policies<'_>) -> Vec<(String, Option<String>)> {
        let mut found = Vec::new();
        if self.reason.decision() != self.decision {
            let (reason, decision) = (self.reason.as_str(), self.decision.as_str());
            found.push((format!("the reason `{reason}` is never one of {decision}"), None));
        }
        let effect = match self.decision {
            Decision::Permit => Some(Effect::Permit),
            Decision::Deny if self.reason == Reason::Forbidden => Some(Effect::Forbid),
            Decision::Escalate => Some(Effect::Forbid),
            Decision::Deny | Decision::Silence => None,
        };
        for id in self.policies {
            match (policies.get(id.as_str()), effect) {
                (None, _) => {
                    let help = fuzzy_match::did_you_mean(id, policies.keys().copied());
                    found.push((format!("there is no policy `{id}`"), help));
                }
                (Some((_, actual)), Some(effect)) if *actual != effect => {
                    let decision = self.decision.as_str();
                    found
                        .push((format!("`{id}` is a {actual} and determines no {decision}"), None));
                }
                (Some(_), _) => {}
            }
        }
        let determined = matches!(self.reason, Reason::Permitted | Reason::Forbidden);
        if determined && self.policies.is_empty() {
            let reason = self.reason.as_str();
            found.push((
                format!("`{reason}` is always determined by a policy, and none is named"),
                None,
            ));
        }
        found
    }
}

/// Policies that no case expects.
pub(super) fn untested(world: &World<'_>, suite: &Suite) -> Vec<Finding> {
    let outcomes = suite.cases().flat_map(|(_, case, _)| outcomes(&case.expect));
    let expected: BTreeSet<&str> =
        outcomes.flat_map(|outcome| outcome.policies).map(String::as_str).collect();
    let finding = |id: &str, layer: &LayerName| {
        let about = Site::Policy { layer: layer.clone(), id: id.to_owned() };
        let help = "write a case in `tests/` whose outcome it determines";
        Finding::new(Code::UntestedPolicy, about, "no case expects it").with_help(help)
    };
    // What a case says about a result is determined by policies about labels, which it does not name.
    let has_results = suite.cases().any(|(_, case, _)| case.result.is_some());
    let revealing: BTreeSet<&str> = world
        .policies()
        .filter(|(_, policy)| has_results && reveals(policy))
        .map(|(_, policy)| policy.id().as_ref())
        .collect();
    // Nor does it name those by which somebody may approve.
    let has_approvals = suite.cases().any(|(_, case, _)| case.approved.is_some());
    let approving: BTreeSet<&str> = world
        .policies()
        .filter(|(_, policy)| has_approvals && approves(policy))
        .map(|(_, policy)| policy.id().as_ref())
        .collect();
    let is_expected =
        |id: &str| expected.contains(id) || revealing.contains(id) || approving.contains(id);
    let policies = policies(world).into_iter().filter(|(id, _)| !is_expected(id));
    policies.map(|(id, (layer, _))| finding(id, layer)).collect()
}

/// Whether a policy is about labels of results only.
fn reveals(policy: &Policy) -> bool {
    is_about(policy, |action| action.starts_with(REVEAL) || action.contains(&format!("/{REVEAL}")))
}

/// Whether a policy is about approvals only.
fn approves(policy: &Policy) -> bool {
    is_about(policy, |action| action == APPROVE || action.ends_with(&format!("/{APPROVE}")))
}

/// Whether the scope of a policy names only such actions.
fn is_about(policy: &Policy, is_such: impl Fn(&str) -> bool) -> bool {
    let is_such = |action: &EntityUid| is_such(action.id().unescaped());
    match policy.action_constraint() {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(action) => is_such(&action),
        ActionConstraint::In(actions) => actions.iter().all(is_such),
    }
}
