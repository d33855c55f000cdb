//! Replays one recorded call with both bundles.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::{Answer, Certainty, Side, Withheld};
use super::callers::Callers;
use super::groups::{Case, What};
use super::inferred::InferredMatches;
use super::placeholders;
use crate::approval::Accepted;
use crate::bundle::Document;
use crate::cli::analysis::run;
use crate::cli::diff::structure::Structure;
use crate::cli::diff::structure::change::Part;
use crate::cli::input::directory::Opened;
use crate::cli::log::{self, Recorded};
use crate::cli::output::report::{Problem, counted};
use crate::gate::Gate;
use crate::reason::{Decision, Reason};
use crate::tool::Tool;

/// Two bundles that decide recorded calls.
#[derive(Debug)]
pub(super) struct Replay {
    old: Side,
    new: Side,
    documents: [Document; 2],
    callers: Callers,
    /// Whether settings that apply before policy evaluation differ, and whether the tools'
    /// declarations differ.
    settings_differ: bool,
    tools_differ: bool,
    /// Whether types, entities, tools and principals are the same in both.
    only_policies: bool,
    /// The policies that differ.
    changed: BTreeSet<String>,
    /// How many records are too near to the beginning of the log for all that counts.
    late: usize,
}

/// The result for a record.
#[derive(Debug)]
pub(super) enum Seen {
    /// Both bundles refuse it before policy evaluation, with the same reason.
    Settled,
    /// Both bundles decided it; these are the differences.
    Compared(Vec<Case>),
    /// At least one bundle could not decide it.
    Undecided(Case),
}

/// Why a call could not be decided.
struct Missing {
    why: String,
    policies: Vec<String>,
    /// Whether the record is inconsistent.
    changed: bool,
}

impl Missing {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), policies: Vec::new(), changed: false }
    }

    fn changed(problem: Problem) -> Self {
        Self { changed: true, ..Self::because(problem.message) }
    }
}

impl Replay {
    pub(super) fn new([old, new]: [Opened; 2], structure: &Structure) -> Self {
        let callers = Callers::new(&old.loaded.bundle.identity, &new.loaded.bundle.identity);
        let gate = |bundle| Gate::without_servers(bundle, String::new());
        Self {
            old: Side::new(gate(old.loaded.bundle)),
            new: Side::new(gate(new.loaded.bundle)),
            documents: [old.document, new.document],
            callers,
            settings_differ: structure.may_widen(Part::Setting),
            tools_differ: structure.may_widen(Part::Tool),
            only_policies: structure.only_policies(),
            changed: structure.changed_policies().map(str::to_owned).collect(),
            late: 0,
        }
    }

    /// Whether the old bundle wrote the record.
    pub(super) fn is_of_old(&self, recorded: &Recorded) -> bool {
        recorded.is_of(&self.old.gate.bundle.id.digest)
    }

    /// Decides a recorded call with both bundles, after the calls before it.
    pub(super) fn see(&mut self, recorded: &Recorded) -> Seen {
        let seen = self.seen(recorded);
        let now = recorded.time.parse().map(run::millis).unwrap_or_default();
        let sides = [&self.old, &self.new];
        if sides.iter().any(|side| side.history.begins_late(&side.gate, now).is_some()) {
            self.late = self.late.saturating_add(1);
        }
        for side in [&mut self.old, &mut self.new] {
            side.remember(recorded);
        }
        seen
    }

    /// What the records do not tell of earlier calls, in words.
    pub(super) fn gaps(&self) -> BTreeSet<String> {
        let late = self.late;
        let begins = (late > 0).then(|| {
            let records = counted(late, "record");
            format!("{records} decided without all that counts, since the log begins later")
        });
        self.old.history.gaps().chain(self.new.history.gaps()).chain(begins).collect()
    }

    fn seen(&mut self, recorded: &Recorded) -> Seen {
        let seen = if recorded.is_call() {
            self.compare(recorded).map(Seen::Compared)
        } else {
            self.early(recorded)
        };
        seen.unwrap_or_else(|Missing { why, policies, changed }| {
            // A call that the old bundle permitted can only become a refusal.
            let passed =
                !changed && self.is_of_old(recorded) && recorded.decision() == Decision::Permit;
            Seen::Undecided(Case {
                policies,
                may_widen: !passed,
                ..Case::new(What::Undecided, why)
            })
        })
    }

    /// A request refused before policy evaluation; its record is too incomplete to decide it again.
    fn early(&self, recorded: &Recorded) -> Result<Seen, Missing> {
        let by_tools = recorded.reason() == Some(Reason::HeaderMismatch);
        if self.settings_differ || by_tools && self.tools_differ {
            let why = format!(
                "`{}`: the settings behind it differ, and the record does not hold the request",
                recorded.reason
            );
            return Err(Missing::because(why));
        }
        Ok(Seen::Settled)
    }

    fn compare(&mut self, recorded: &Recorded) -> Result<Vec<Case>, Missing> {
        let of_old = self.is_of_old(recorded);
        let unknown = |problem: Problem| Missing::because(problem.message);
        let mapping = &self.old.gate.bundle.identity;
        let old_caller = Callers::old(recorded, mapping, of_old).map_err(unknown)?;
        let mapping = &self.new.gate.bundle.identity;
        let new_caller = self.callers.new_one(recorded, mapping, of_old).map_err(unknown)?;
        for side in [&mut self.old, &mut self.new] {
            side.gate.environment = recorded.environment.as_str().into();
        }
        let held = log::arguments::held(recorded).map_err(Missing::changed)?;
        let names: BTreeSet<&str> =
            held.withheld.iter().map(|path| path.split('.').next().unwrap_or(path)).collect();
        let withholds = !(names.is_empty() && new_caller.withheld.is_empty());
        if recorded.inner.is_some() && withholds {
            return Err(Missing::because("the record withholds values, and has an inner call"));
        }
        if recorded.lacks_approval() {
            return Err(Missing::because("the record does not hold why the approval was refused"));
        }
        let value = match &held.value {
            Some(value) if !names.is_empty() => {
                if recorded.reason() == Some(Reason::InvalidArguments) {
                    return self.unfit(recorded);
                }
                Some(self.filled(recorded, value, &names)?)
            }
            value => value.clone(),
        };
        let lacks = value.is_none() && recorded.arguments_digest.is_some();
        if lacks && !self.tools(recorded).is_empty() {
            return Err(Missing::because("the record does not hold the arguments"));
        }
        let call = log::call(recorded, value.as_ref()).map_err(Missing::changed)?;
        let known = self.known(recorded);
        let mut withheld = held.withheld.clone();
        withheld.extend(new_caller.withheld.iter().map(|name| format!("principal.{name}")));
        let sides = [
            (&mut self.old, old_caller, InferredMatches::default()),
            (&mut self.new, new_caller, known),
        ];
        let [old, new] = sides.map(|(side, caller, known)| {
            let approval = approval_of(recorded, &side.gate)?;
            let (arrival, body) = log::arrival(recorded, &call, &caller.identity, approval)?;
            let withheld = Withheld { arguments: &names, attributes: &caller.withheld };
            Ok(side.ask(&arrival, &body, &withheld, &known))
        });
        let (old, new) = (old.map_err(Missing::changed)?, new.map_err(Missing::changed)?);
        self.told(recorded, old, &new, &withheld)
    }

    /// Matches inferred from a record of the old bundle, for policies that the new bundle also has.
    fn known(&self, recorded: &Recorded) -> InferredMatches {
        if !self.only_policies || !self.is_of_old(recorded) {
            return InferredMatches::default();
        }
        InferredMatches::of(recorded, &self.old.gate.bundle, &self.changed)
    }

    /// Arguments that did not fit a schema do not fit an identical one.
    fn unfit(&self, recorded: &Recorded) -> Result<Vec<Case>, Missing> {
        if self.is_of_old(recorded) && self.same_schema(recorded) {
            return Ok(Vec::new());
        }
        let why = "the arguments did not fit the schema then, and the record withholds values";
        Err(Missing::because(why))
    }

    /// The arguments with placeholders for withheld values.
    fn filled(
        &self,
        recorded: &Recorded,
        arguments: &Value,
        names: &BTreeSet<&str>,
    ) -> Result<Value, Missing> {
        let list = || names.iter().copied().collect::<Vec<_>>().join("`, `");
        if names.iter().any(|name| self.described(recorded, name)) {
            let why = format!("what `{}` may be has changed, and its value is withheld", list());
            return Err(Missing::because(why));
        }
        let tools = self.tools(recorded);
        let names_resource = |tool: &&Tool| {
            let first = tool.resource_argument().and_then(|argument| argument.split('.').next());
            first.is_some_and(|first| names.contains(first))
        };
        if tools.iter().any(names_resource) {
            let why = format!("`{}` names the resource, and its value is withheld", list());
            return Err(Missing::because(why));
        }
        let schema = self.schemas(recorded).into_iter().next().unwrap_or_default();
        placeholders::fill(arguments, &tools, &schema).map_err(|argument| {
            let why =
                format!("the value of `{argument}` is withheld, and no other is known to fit");
            Missing::because(why)
        })
    }

    /// The tool in both bundles.
    fn tools(&self, recorded: &Recorded) -> Vec<&Tool> {
        let sides = [&self.old, &self.new].into_iter();
        sides.filter_map(|side| recorded.in_bundle(&side.gate.bundle)).collect()
    }

    fn schemas(&self, recorded: &Recorded) -> Vec<Value> {
        self.documents.iter().filter_map(|document| recorded.schema(document)).collect()
    }

    fn same_schema(&self, recorded: &Recorded) -> bool {
        matches!(self.tools(recorded)[..], [old, new] if old.reads_like(new))
    }

    /// Whether the bundles describe an argument differently.
    fn described(&self, recorded: &Recorded, argument: &str) -> bool {
        matches!(self.tools(recorded)[..], [old, new] if !old.reads_argument_like(new, argument))
    }

    /// The differences between two decisions.
    fn told(
        &self,
        recorded: &Recorded,
        old: Answer,
        new: &Answer,
        withheld: &[String],
    ) -> Result<Vec<Case>, Missing> {
        let mut cases = Vec::new();
        let old = match old.certainty {
            Certainty::Full => {
                let complete = withheld.is_empty();
                let differs = old.reason != as_recorded(recorded).reason;
                if differs && self.is_of_old(recorded) && self.old.lacks_history(recorded, &old) {
                    let why = "the decision depends on earlier calls that the log does not tell";
                    let policies = recorded.policies.clone();
                    return Err(Missing { policies, ..Missing::because(why) });
                }
                cases.extend(disagreement(recorded, &old, self.is_of_old(recorded), complete));
                old
            }
            // The record of the old bundle has the decision made with the actual values.
            Certainty::Refusal | Certainty::None(_) if self.is_of_old(recorded) => {
                as_recorded(recorded)
            }
            Certainty::Refusal => old,
            Certainty::None(ref policies) => return Err(reads(policies, withheld)),
        };
        if let Certainty::None(policies) = &new.certainty {
            return Err(reads(policies, withheld));
        }
        cases.extend(self.disagreement_of_candidate(recorded, new, withheld));
        cases.extend(difference(&old, new));
        Ok(cases)
    }

    /// If the new bundle is the recorded candidate, its decision must equal the recorded one.
    fn disagreement_of_candidate(
        &self,
        recorded: &Recorded,
        new: &Answer,
        withheld: &[String],
    ) -> Option<Case> {
        let bundle = &recorded.candidate.as_ref()?.bundle;
        let same = bundle.digest == self.new.gate.bundle.id.digest.as_str() && withheld.is_empty();
        let differs = log::candidate_differs(recorded, new.record.as_ref()?);
        let why = "the record says otherwise of its `candidate`";
        let policies = new.policies.iter().cloned().collect();
        (same && differs).then(|| Case { policies, ..Case::new(What::Disagrees, why) })
    }
}

fn reads(policies: &[String], withheld: &[String]) -> Missing {
    let withheld = withheld.join("`, `");
    let why = format!("the record withholds `{withheld}`, and these policies read of it");
    Missing { policies: policies.to_vec(), ..Missing::because(why) }
}

/// The recorded decision. A call refused with its batch was permitted by itself.
fn as_recorded(recorded: &Recorded) -> Answer {
    let reason = recorded.reason().unwrap_or(Reason::Internal);
    let reason = if reason == Reason::BatchRefused { Reason::Permitted } else { reason };
    let policies = recorded.policies.iter().cloned().collect();
    Answer { reason, policies, certainty: Certainty::Full, record: None }
}

/// Differences between the old bundle's decision and the recorded one. If the record withholds
/// nothing, all its members about the decision are compared.
fn disagreement(recorded: &Recorded, old: &Answer, of_old: bool, complete: bool) -> Option<Case> {
    let was = as_recorded(recorded);
    let differing = log::differences(recorded, old.record.as_ref()?, of_old && complete);
    if differing.is_empty() {
        return None;
    }
    let by = if of_old { "" } else { " by another bundle" };
    let why = if differing.contains(&"reason") {
        format!("recorded{by}: {}; the old bundle: {}", recorded.reason, old.reason.as_str())
    } else {
        format!("recorded{by} otherwise: `{}`", differing.join("`, `"))
    };
    let decisions = Some((was.decision(), old.decision()));
    let policies = old.policies.iter().cloned().collect();
    Some(Case { policies, decisions, ..Case::new(What::Disagrees, why) })
}

fn difference(old: &Answer, new: &Answer) -> Option<Case> {
    let what = match (old.permits(), new.permits()) {
        (false, true) => What::Permitted,
        (true, false) => What::Refused,
        (true, true) => return None,
        (false, false) => {
            let sure = [old, new].iter().all(|it| matches!(it.certainty, Certainty::Full));
            if !sure || old.decision() == new.decision() {
                return None;
            }
            What::RefusedOtherwise
        }
    };
    // If a policy no longer matches, name the policies of the decision that it determined.
    let [first, second] = if what == What::Permitted { [old, new] } else { [new, old] };
    let policies = if first.policies.is_empty() { &second.policies } else { &first.policies };
    Some(Case {
        policies: policies.iter().cloned().collect(),
        decisions: Some((old.decision(), new.decision())),
        ..Case::new(what, format!("{} → {}", old.reason.as_str(), new.reason.as_str()))
    })
}

/// The recorded approval, for a gate whose policies may read it whole.
fn approval_of(recorded: &Recorded, gate: &Gate) -> Result<Option<Accepted>, Problem> {
    let restored = log::approval::restore(recorded, &gate.bundle)?;
    if restored.as_ref().is_some_and(|restored| !restored.withheld.is_empty()) {
        return Err(Problem::new("the record withholds attributes of the approver"));
    }
    Ok(restored.map(|restored| restored.accepted))
}
