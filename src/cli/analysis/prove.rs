//! Proves which calls a new bundle permits that an old one refuses, and which labelled parts of results
//! it shows that the old one withholds.
//!
//! For every principal type and tool, and every label of the tool's result, each bundle becomes one
//! condition on the request alone, and a solver searches for a request that fulfils the new condition
//! and not the old one. Both bundles then decide the counterexample; it is only shown if they confirm
//! it.

mod confirm;
mod facts;
mod formula;
mod inner;
mod layers;
mod lower;
mod proof;
mod query;
mod report;
mod solver;
mod subject;
mod syntax;
mod witness;

use std::collections::BTreeSet;
use std::time::Duration;

use cedar_policy::{PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::Env;

use crate::cli::output::report::Progress;
use crate::gate::Gate;
use crate::identity::{IdentityMode, TypeName};
use crate::tool::{Label, Tool};

use confirm::Confirmed;
use formula::Formula;
use proof::{Pair, Verdict};
use solver::Prover;
use subject::Subject;

pub(in crate::cli) use proof::Proof;
pub(in crate::cli) use report::{human, json};

/// Maximum number of counterexamples skipped because no request can be built from them.
const TRIES: usize = 8;

/// Compares two bundles. `schema` is the text of the new one's schema, and `doubts` are changes
/// that affect decisions outside of policies.
pub(in crate::cli) fn compare(
    [old, new]: [Gate; 2],
    schema: &str,
    doubts: Vec<String>,
    timeout: Duration,
) -> Proof {
    let intersects = |gate: &Gate| gate.bundle.identity.mode == IdentityMode::Intersection;
    if intersects(&old) || intersects(&new) {
        let reason = "with `identity.mode: intersection`, a call has several principals".to_owned();
        return Proof { pairs: Vec::new(), unavailable: Some(reason) };
    }
    match (Prover::start(timeout), query::schema(schema)) {
        (Ok(prover), Ok(schema)) => {
            let mut comparison = Comparison { old, new, doubts, schema, prover };
            Proof { pairs: comparison.pairs(), unavailable: None }
        }
        (Err(reason), _) | (_, Err(reason)) => {
            Proof { pairs: Vec::new(), unavailable: Some(reason) }
        }
    }
}

/// Two bundles and the inputs of their comparison.
struct Comparison {
    old: Gate,
    new: Gate,
    doubts: Vec<String>,
    /// The schema of the new bundle, which is used for both bundles' conditions.
    schema: Schema,
    prover: Prover,
}

impl Comparison {
    fn pairs(&mut self) -> Vec<Pair> {
        let progress = Progress::new("tools compared");
        let tools: Vec<Tool> = self.new.bundle.actions().cloned().collect();
        let mut pairs = Vec::new();
        for (count, tool) in tools.iter().enumerate() {
            progress.tell(count);
            let name = tool.qualified_name();
            let environments: Vec<_> = query::environments(&self.schema, name).collect();
            for env in environments {
                let mut told = |label: Option<&Label>, verdict: Verdict| {
                    let (principal, tool) = (env.principal().to_string(), name.to_owned());
                    let label = label.map(|label| label.name.to_string());
                    pairs.push(Pair { principal, tool, label, verdict });
                };
                for subject in Subject::all(tool) {
                    let verdict = self.verdict(subject, &env).unwrap_or_else(Verdict::Unknown);
                    told(subject.label, verdict);
                }
                let before = self.old.bundle.same(tool);
                for label in before.into_iter().flat_map(|before| subject::lost(before, tool)) {
                    told(Some(label), Verdict::Unknown(subject::LOST.to_owned()));
                }
            }
        }
        progress.end();
        pairs.extend(self.removed());
        inner::apply(&mut pairs, &self.new.bundle);
        let place = |pair: &Pair| (pair.tool.clone(), pair.label.clone(), pair.principal.clone());
        pairs.sort_by_cached_key(place);
        pairs
    }

    /// Removed tools. All their calls are refused, unless the new bundle is in shadow mode.
    fn removed(&self) -> impl Iterator<Item = Pair> {
        let (old, new) = (&self.old.bundle, &self.new.bundle);
        let removed = old.actions().filter(|tool| new.same(tool).is_none());
        let principals: BTreeSet<String> =
            old.identity.principal_types().map(ToString::to_string).collect();
        removed.flat_map(move |tool| {
            principals.clone().into_iter().map(move |principal| Pair {
                principal,
                tool: tool.qualified_name().to_owned(),
                label: None,
                verdict: match new.shadow {
                    None => Verdict::Narrower,
                    Some(_) => Verdict::Unknown("the new bundle refuses nothing".to_owned()),
                },
            })
        })
    }

    fn verdict(&mut self, subject: Subject<'_>, env: &RequestEnv) -> Result<Verdict, String> {
        let tool = subject.tool;
        let before = self.old.bundle.same(tool);
        let new = subject.formula(&self.new.bundle, tool, env)?;
        let old = match before {
            None => Formula::nothing(),
            Some(before) if before.name() != tool.name() => {
                return Err(format!("its name in policies was `{}`", before.qualified_name()));
            }
            Some(before)
                if self.old.bundle.schema().is_some_and(|schema| query::has(schema, env)) =>
            {
                subject.formula(&self.old.bundle, before, env)?
            }
            Some(_) => {
                return Err("its calls are by or about other types of entities than before".into());
            }
        };
        let is_new = before.is_none();
        let doubts = self.doubts(before, tool);
        let facts = facts::of(&self.new, tool, env, [&old, &new]);
        if let Some(wider) = self.search(subject, env, [&old, &new], &facts)? {
            return Ok(Verdict::Wider(Box::new(wider)));
        }
        if lower::is(&new.permits, false) && is_new {
            return Ok(Verdict::Equal);
        }
        if !doubts.is_empty() && !lower::is(&new.permits, false) {
            return Err(doubts.join("; "));
        }
        let same = old.permits == new.permits || {
            let weaker = query::policies(&BTreeSet::new(), &new.permits)?;
            matches!(self.ask(env, &facts, &old, &weaker), Ok(None))
        };
        Ok(if same { Verdict::Equal } else { Verdict::Narrower })
    }

    /// Why the bundles may build different Cedar requests from the same call.
    fn doubts(&self, before: Option<&Tool>, tool: &Tool) -> Vec<String> {
        let mut doubts = self.doubts.clone();
        if self.old.environment != self.new.environment {
            doubts.push("the bundles are for different environments".to_owned());
        }
        if before.is_some_and(|before| !before.reads_like(tool)) {
            doubts.push("its arguments are read differently".to_owned());
        }
        let argument = |tool: &Tool| {
            tool.marks()
                .resource
                .as_ref()
                .map(|mark| (mark.argument.clone(), mark.entity_type.to_string()))
        };
        if before.is_some_and(|before| argument(before) != argument(tool)) {
            doubts.push("its resource is named differently".to_owned());
        }
        if before.is_some_and(|before| before.marks().wraps != tool.marks().wraps) {
            doubts.push("its inner call is found differently".to_owned());
        }
        let identity = &self.new.bundle.identity;
        let is_workload = |name: &TypeName| {
            identity.workload.as_ref().is_some_and(|workload| workload.entity_type == *name)
        };
        if identity.principal_types().any(is_workload) {
            doubts.push("workloads have the entity type of principals with a token".to_owned());
        }
        doubts
    }

    /// A call that only the new bundle permits, or reveals the label of; `None` if it is proved that
    /// there is none.
    fn search(
        &mut self,
        subject: Subject<'_>,
        env: &RequestEnv,
        [old, new]: [&Formula; 2],
        facts: &BTreeSet<String>,
    ) -> Result<Option<Confirmed>, String> {
        if lower::is(&new.permits, false) || old.permits == new.permits {
            return Ok(None);
        }
        let weaker = query::policies(&BTreeSet::new(), &old.permits)?;
        let mut facts = facts.clone();
        let mut failure = None;
        for _ in 0..TRIES {
            let Some(found) = self.ask(env, &facts, new, &weaker)? else {
                return failure.map_or(Ok(None), Err);
            };
            for found in self.plainer(env, &facts, new, &weaker).iter().chain([&found]) {
                match confirm::confirm([&self.old, &self.new], subject, found) {
                    Ok(confirmed) => return Ok(Some(confirmed)),
                    Err(reason) => failure = Some(reason),
                }
            }
            // The same values would fail again.
            if !facts.insert(query::other_than(&found)) {
                break;
            }
        }
        Err(failure.unwrap_or_default())
    }

    /// The simplest call of its kind, which is easier to read.
    fn plainer(
        &mut self,
        env: &RequestEnv,
        facts: &BTreeSet<String>,
        formula: &Formula,
        weaker: &PolicySet,
    ) -> Option<Box<Env>> {
        let kinds = facts::plain(env, &self.new.bundle);
        kinds.into_iter().find_map(|plain| {
            let facts = facts.union(&plain).cloned().collect();
            self.ask(env, &facts, formula, weaker).ok()?
        })
    }

    /// A call that fulfils all facts and the condition, and that `weaker` does not permit.
    fn ask(
        &mut self,
        env: &RequestEnv,
        facts: &BTreeSet<String>,
        formula: &Formula,
        weaker: &PolicySet,
    ) -> Result<Option<Box<Env>>, String> {
        let stronger = query::policies(facts, &formula.permits)?;
        self.prover.implies(&self.schema, env, &stronger, weaker)
    }
}

#[cfg(test)]
mod tests;
