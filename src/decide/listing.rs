//! Decides whether a caller could call a tool at all.

use std::sync::Arc;

use cedar_policy_core::ast::{Effect, EntityType, Expr, Request, SlotEnv};
use cedar_policy_core::entities::Entities;

use super::question::Facts;
use super::{Denial, Question, applying, denial, party};
use crate::bundle::{Bundle, Layer, Layers};
use crate::gate::Caller;
use crate::identity::Identity;
use crate::policy::{AnyCall, ArgumentValue, CompiledPolicy, Env, Fallback, Possible, RequestKeys};
use crate::reason::Reason;
use crate::tool::Tool;

/// Whether a tool is in a caller's lists, or why every call of it is refused.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The outcome in force.
    pub outcome: Result<(), Denial>,
    /// The outcome with shadow policies enforced; `None` if nothing is in shadow.
    pub staged: Option<Result<(), Denial>>,
}

/// Decides whether a tool is in a caller's lists: it is hidden only if there are no arguments with
/// which a call would be permitted.
///
/// The facts must be those of a call: policies can read the HTTP method.
pub fn list(
    bundle: &Bundle,
    identity: &Identity,
    caller: &Arc<Caller>,
    tool: &Tool,
    facts: &Facts,
) -> Listing {
    all(bundle, identity, caller, tool, &[], facts)
}

/// Decides likewise whether something that one argument of a method names is in a list: only this
/// argument is known.
pub fn list_knowing<'a>(
    bundle: &Bundle,
    identity: &Identity,
    caller: &Arc<Caller>,
    tool: &'a Tool,
    known: (&'a str, ArgumentValue<'a>),
    facts: &Facts,
) -> Listing {
    all(bundle, identity, caller, tool, &[known], facts)
}

/// Decides likewise whether a call with these arguments is in a list: only what is remembered at the
/// time of the call is not known.
pub fn list_asked(
    bundle: &Bundle,
    identity: &Identity,
    (tool, known): (&Tool, &[&str]),
    question: &Question<'_>,
) -> Result<(), Denial> {
    judge_parties(&bundle.layers, identity, Asked { tool, known, has_one_resource: true }, question)
}

/// Calls of a tool of which these arguments are known.
#[derive(Clone, Copy)]
struct Asked<'a> {
    tool: &'a Tool,
    known: &'a [&'a str],
    has_one_resource: bool,
}

impl<'a> Asked<'a> {
    fn of(tool: &'a Tool, known: &'a [&'a str]) -> Self {
        Self { tool, known, has_one_resource: !tool.has_many_resources() }
    }
}

/// Arguments that all calls have alike.
type Known<'a> = [(&'a str, ArgumentValue<'a>)];

fn all(
    bundle: &Bundle,
    identity: &Identity,
    caller: &Arc<Caller>,
    tool: &Tool,
    known: &Known<'_>,
    facts: &Facts,
) -> Listing {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let judge = |layers: &Layers| {
        let (caller, known) = (Arc::clone(caller), known.to_vec());
        let question = Question::about_all(caller, bundle, tool, known, facts)?;
        judge_parties(layers, identity, Asked::of(tool, &names), &question)
    };
    Listing { outcome: judge(&bundle.layers), staged: bundle.staged.as_ref().map(judge) }
}

/// The denial of all calls of a tool, if a party has one. Calls that one party may make, and calls
/// that another may make, need not be the same.
fn judge_parties(
    layers: &Layers,
    identity: &Identity,
    asked: Asked<'_>,
    question: &Question<'_>,
) -> Result<(), Denial> {
    let own = |party: &Question<'_>| judge(layers.of(identity), asked, party);
    party::of_all(question, own, |(), ()| ())
}

/// The denial of all calls of a tool, if there is one.
fn judge<'a>(
    layers: impl Iterator<Item = &'a Layer>,
    asked: Asked<'_>,
    question: &Question<'_>,
) -> Result<(), Denial> {
    let keys = RequestKeys::of(&question.env());
    let keys = if asked.has_one_resource { keys } else { keys.of_any_resource() };
    let applying = applying(layers, &keys)?;
    let all = || applying.iter().flat_map(|(_, policies)| policies);
    let fallback = Fallback::new(|| question.reachable(all()));
    let calls = Calls { asked, question, fallback };
    for (layer, candidates) in &applying {
        refused(layer, candidates, &calls)?;
    }
    // Without an applicable layer nothing is permitted.
    applying.last().map(drop).ok_or_else(|| Denial::because(Reason::NotPermitted))
}

/// Whether every call of a tool is permitted, whatever its arguments.
pub(super) fn permits_all<'a>(
    layers: impl Iterator<Item = &'a Layer>,
    tool: &Tool,
    question: &Question<'_>,
) -> bool {
    let keys = RequestKeys::of(&question.env());
    let keys = if tool.has_many_resources() { keys.of_any_resource() } else { keys };
    let Ok(applying) = applying(layers, &keys) else { return false };
    let all = || applying.iter().flat_map(|(_, policies)| policies);
    let fallback = Fallback::new(|| question.reachable(all()));
    let calls = Calls { asked: Asked::of(tool, &[]), question, fallback };
    let permits = |candidates: &[Arc<CompiledPolicy>]| {
        let possible = candidates.iter().map(|policy| (policy.effect, policy.possible(&calls)));
        let possible: Vec<_> = possible.collect();
        let is_harmless = |(effect, it): &(Effect, Possible)| {
            !it.error && (*effect == Effect::Permit || !it.truth)
        };
        possible.iter().all(is_harmless) && possible.contains(&(Effect::Permit, Possible::TRUE))
    };
    !applying.is_empty() && applying.iter().all(|(_, candidates)| permits(candidates))
}

/// The denial of one layer, if it refuses all calls.
fn refused<F>(
    layer: &Layer,
    candidates: &[Arc<CompiledPolicy>],
    calls: &Calls<'_, F>,
) -> Result<(), Denial>
where
    F: FnOnce() -> Option<(Request, Entities)>,
{
    let (mut errors, mut forbids, mut may_permit) = (Vec::new(), Vec::new(), false);
    for policy in candidates {
        let possible = policy.possible(calls);
        if possible.always_fails() {
            errors.push(Arc::clone(policy));
        } else if policy.effect == Effect::Permit {
            may_permit |= possible.truth;
        } else if possible.is_never_false() && policy.escalate.is_none() {
            // What a person can approve is no call that cannot be made.
            forbids.push(Arc::clone(policy));
        }
    }
    for (reason, policies) in [(Reason::PolicyError, errors), (Reason::Forbidden, forbids)] {
        if !policies.is_empty() {
            return Err(denial(layer, reason, &policies));
        }
    }
    if may_permit { Ok(()) } else { Err(denial(layer, Reason::NotPermitted, &[])) }
}

/// All calls of a tool by one caller.
struct Calls<'q, F> {
    asked: Asked<'q>,
    question: &'q Question<'q>,
    fallback: Fallback<F>,
}

impl<F: FnOnce() -> Option<(Request, Entities)>> AnyCall for Calls<'_, F> {
    fn env(&self) -> Env<'_> {
        self.question.env()
    }

    fn has_one_resource(&self) -> bool {
        self.asked.has_one_resource
    }

    fn resource_is(&self, entity_type: &EntityType) -> Possible {
        let name = entity_type.to_string();
        if self.asked.has_one_resource {
            return Possible::only(Some(self.question.env().resource.entity_type() == entity_type));
        }
        match self.asked.tool.resource_types().as_slice() {
            [only] => Possible::only(Some(*only == name)),
            several if several.contains(&name) => Possible::EITHER,
            _ => Possible::FALSE,
        }
    }

    fn known(&self) -> &[&str] {
        self.asked.known
    }

    fn presence(&self, path: &[String]) -> Possible {
        self.asked.tool.presence(path)
    }

    fn in_cedar(&self, expression: &Expr, slots: &SlotEnv) -> Option<bool> {
        self.fallback.holds(expression, slots)
    }
}
