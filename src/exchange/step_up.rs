//! Whether more scopes would permit a call, and which ones: the step-up of MCP's authorization, by the
//! challenge `insufficient_scope` (RFC 6750 §3.1).

use std::sync::Arc;

use super::inner::{By, Watch};
use super::memory::Memory;
use super::pending::Pending;
use crate::bundle::RefusalStyle;
use crate::decide::{self, Denial, Next, Question, Verdict};
use crate::gate::{Caller, Gate};
use crate::identity::{Identity, Scope};
use crate::json::Object;
use crate::reason::Reason;
use crate::tool::Tool;

/// How many sets of scopes are tried in search of the least one. Then, one for each scope.
const MOST_SETS: usize = 32;

/// The search for scopes that would do: the call is decided as if the token had them.
struct Search<'a, D> {
    pending: &'a Pending,
    gate: &'a Gate,
    decide: D,
    watch: Watch<'a>,
    held: &'a [String],
    /// Whether a person can be asked to approve the call.
    asks_people: bool,
    sets_left: usize,
}

impl Pending {
    /// Decides a call by its sender. If it is refused, and more of the scopes that the bundle offers would
    /// permit it or put it to a person, the denial names the least set of them.
    pub(super) fn stepping_up<'a>(
        &'a self,
        gate: &'a Gate,
        (tool, arguments): (&Tool, Option<&Object<'_>>),
        memory: &mut Memory<'_>,
        watch: Watch<'a>,
        decide: impl Fn(By<'_>, &mut Memory<'_>, Watch<'_>) -> Result<Verdict, Denial>,
    ) -> Result<Verdict, Denial> {
        let caller = self.sender.caller.as_ref().ok_or_else(Denial::unfit)?;
        let identity = &self.sender.identity;
        let decided = decide(By { caller, identity }, memory, watch);
        let denial = match &decided {
            Ok(verdict) => verdict.outcome.as_ref().err(),
            Err(denial) => Some(denial),
        };
        let may_help = |denial: &&Denial| {
            let reasons = [Reason::InsufficientScope, Reason::NotPermitted, Reason::Forbidden];
            reasons.contains(&denial.reason)
        };
        let (bundle, offered) = (&gate.bundle, &gate.bundle.refusal.step_up);
        // It would tell that the tool exists.
        let tells = bundle.refusal.style != RefusalStyle::Conceal && bundle.shadow.is_none();
        let asks = watch.steps_up && tells && !offered.is_empty() && self.approval.is_none();
        let (Some(denial), Some(held), true) = (denial.filter(may_help), &identity.scopes, asks)
        else {
            return decided;
        };
        // Of a method, and of a call inside a call, nobody is asked.
        let asks_people = bundle.approvals.is_some() && gate.signer.is_some() && !tool.is_method();
        let sets_left = MOST_SETS;
        let mut search =
            Search { pending: self, gate, decide, watch, held, asks_people, sets_left };
        let Some(scopes) = search.least((tool, arguments), offered) else { return decided };
        let denial = stepped_up(denial, scopes);
        match decided {
            Ok(verdict) => Ok(Verdict { outcome: Err(denial), ..verdict }),
            Err(_) => Err(denial),
        }
    }
}

/// The denial with the scopes that would do.
fn stepped_up(denial: &Denial, scopes: Vec<String>) -> Denial {
    let mut detail = format!("the scopes `{}` would do", scopes.join(" "));
    if denial.reason != Reason::InsufficientScope {
        detail = format!("{detail}; without them it is {}", denial.reason.as_str());
    }
    let denial =
        Denial { reason: Reason::InsufficientScope, detail: Some(detail), ..denial.clone() };
    denial.then(Some(Next::StepUp(scopes)))
}

impl<D: Fn(By<'_>, &mut Memory<'_>, Watch<'_>) -> Result<Verdict, Denial>> Search<'_, D> {
    /// The least set of scopes with which alone the call would be permitted, and also together with
    /// those that the token has.
    fn least(
        &mut self,
        (tool, arguments): (&Tool, Option<&Object<'_>>),
        offered: &[Scope],
    ) -> Option<Vec<String>> {
        let offered: Vec<&str> = offered.iter().map(Scope::as_str).collect();
        let needed: Vec<&str> = tool.marks().scopes.iter().flatten().map(Scope::as_str).collect();
        if !needed.iter().all(|scope| offered.contains(scope)) {
            return None;
        }
        let mut further = offered.clone();
        further.retain(|scope| !needed.contains(scope));
        // A tool that runs another one may need scopes of that.
        if tool.wraps().is_none() && !self.reads_scopes((tool, arguments), &offered) {
            further.clear();
        }
        for size in 0..=further.len() {
            for chosen in combinations(further.len(), size) {
                let chosen = chosen.iter().filter_map(|at| further.get(*at).copied());
                let scopes: Vec<&str> = needed.iter().copied().chain(chosen).collect();
                if self.sets_left == 0 {
                    return self.shrunk(&needed, offered);
                }
                if self.would_do(&scopes) {
                    return Some(owned(&scopes));
                }
            }
        }
        None
    }

    /// A set without a scope that it could do without, which need not be the least one.
    fn shrunk(&mut self, needed: &[&str], mut scopes: Vec<&str>) -> Option<Vec<String>> {
        if !self.would_do(&scopes) {
            return None;
        }
        for scope in scopes.clone().into_iter().filter(|scope| !needed.contains(scope)) {
            let fewer: Vec<&str> = scopes.iter().copied().filter(|other| *other != scope).collect();
            if self.would_do(&fewer) {
                scopes = fewer;
            }
        }
        Some(owned(&scopes))
    }

    /// Whether the call would be permitted, or put to a person, with these scopes, and with these and
    /// those that the token has. Clients ask for the one or the other.
    fn would_do(&mut self, scopes: &[&str]) -> bool {
        self.sets_left = self.sets_left.saturating_sub(1);
        let alone = owned(scopes);
        // What the token has was refused.
        if alone.iter().all(|scope| self.held.contains(scope)) {
            return false;
        }
        let mut together = self.held.to_vec();
        together.extend(alone.iter().filter(|scope| !self.held.contains(scope)).cloned());
        self.passes(&alone) && self.passes(&together)
    }

    fn passes(&self, scopes: &[String]) -> bool {
        let Some((caller, identity)) = self.with(scopes) else { return false };
        // Nobody is asked and nothing is remembered.
        let watch = Watch { observer: None, is_alone: false, steps_up: false, ..self.watch };
        let by = By { caller: &caller, identity: &identity };
        let decided = (self.decide)(by, &mut self.pending.memory(self.gate), watch);
        decided.is_ok_and(|verdict| match verdict.outcome {
            Ok(_) => true,
            Err(denial) => self.asks_people && !denial.is_inner && denial.escalation().is_some(),
        })
    }

    /// Whether a policy that can match the call reads the scopes of the token.
    fn reads_scopes(&self, (tool, arguments): (&Tool, Option<&Object<'_>>), all: &[&str]) -> bool {
        let Some((caller, identity)) = self.with(&owned(all)) else { return false };
        let (bundle, facts) = (&self.gate.bundle, &self.pending.request.facts);
        let question = Question::by(caller, bundle, tool, arguments, facts);
        question.is_ok_and(|question| decide::reads_scopes(bundle, &identity, &question))
    }

    fn with(&self, scopes: &[String]) -> Option<(Arc<Caller>, Identity)> {
        let identity = self.pending.sender.identity.with_scopes(scopes)?;
        Some((Arc::new(Caller::new(&self.gate.bundle, &identity)?), identity))
    }
}

fn owned(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|&scope| scope.to_owned()).collect()
}

/// The sets of `size` of the numbers below `count`, in lexical order.
fn combinations(count: usize, size: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut next = (size <= count).then(|| (0..size).collect::<Vec<usize>>());
    std::iter::from_fn(move || {
        let current = next.take()?;
        let can_grow = |at: &usize| {
            let most = count.saturating_sub(size.saturating_sub(*at));
            current.get(*at).is_some_and(|value| *value < most)
        };
        if let Some(at) = (0..size).rev().find(can_grow) {
            let begin = current.get(at).map_or(0, |value| value.saturating_add(1));
            let kept = current.iter().copied().take(at);
            next = Some(kept.chain(begin..).take(size).collect());
        }
        Some(current)
    })
}

#[cfg(test)]
mod tests {
    use super::combinations;

    #[test]
    fn all_sets_of_a_size_in_order() {
        let of = |count, size| combinations(count, size).collect::<Vec<_>>();
        assert_eq!(of(3, 0), [[0; 0]; 1]);
        assert_eq!(of(3, 1), [[0], [1], [2]]);
        assert_eq!(of(4, 2), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(of(3, 3), [[0, 1, 2]]);
        assert_eq!(of(2, 3), [[0; 3]; 0]);
    }
}
