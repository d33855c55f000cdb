//! Rebuilds what is remembered from the records of earlier calls.
//!
//! What became of a call is what its record says, whatever the bundle would decide now. Where a
//! record does not tell what counts, this is a gap, and nothing is put in its place.

use std::collections::BTreeMap;
use std::fmt;

use cedar_policy::EntityUid;
use serde::Deserialize;
use serde_json::Value;

use super::arguments::is_mark;
use super::identity;
use super::line::{Recorded, reason_of};
use crate::bundle::Bundle;
use crate::cli::analysis::run::{learn, millis};
use crate::cli::output::report::counted;
use crate::digest::Digest;
use crate::gate::Gate;
use crate::identity::identify;
use crate::memory::{
    Amount, Lessons, Millis, Name, Owners, Particulars, Plan, Secret, Store, Told, Untold, Working,
};
use crate::reason::{Reason, Stage};
use crate::tool::Tool;

/// What is remembered after the records so far.
#[derive(Debug, Default)]
pub(in crate::cli) struct History {
    store: Store,
    gaps: BTreeMap<Gap, usize>,
    /// The time of the first record.
    begins: Option<Millis>,
    /// How many records count.
    counted: usize,
}

/// Something that records do not tell, and how it is counted.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Gap {
    /// The bundle does not have the tool.
    Unknown(String),
    /// The caller cannot be rebuilt.
    Caller(String),
    /// The call of this tool lacks something.
    Call(String, Untold),
    /// The record withholds what the call of this tool was about.
    Resource(String),
}

/// A call within a record: the outer or the inner one.
struct Made<'a> {
    tool: &'a Tool,
    arguments: Option<&'a Value>,
    digest: Option<&'a str>,
    resource: Option<&'a str>,
    spent: Vec<(String, Amount)>,
}

/// What a call spent of a budget.
#[derive(Deserialize)]
struct Spent {
    budget: String,
    amount: serde_json::Number,
}

impl History {
    /// What is remembered.
    pub(in crate::cli) fn store(&self) -> &Store {
        &self.store
    }

    /// The same as a value of its own.
    pub(in crate::cli) fn into_store(self) -> Store {
        self.store
    }

    /// How many records count.
    pub(in crate::cli) fn counted(&self) -> usize {
        self.counted
    }

    /// What the records do not tell, in words.
    pub(in crate::cli) fn gaps(&self) -> impl Iterator<Item = String> {
        self.gaps.iter().map(|(gap, count)| gap.told(*count))
    }

    /// Whether a record lacks an amount or a caller, so that a decision may depend on it.
    pub(in crate::cli) fn is_uncertain(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Whether one of two outcomes of a call depends on earlier calls: a budget or the owner of a
    /// task has decided it, or a policy that determines it reads them.
    pub(in crate::cli) fn matters<'a>(
        reasons: [Option<Reason>; 2],
        mut policies: impl Iterator<Item = &'a String>,
        reads: impl Fn(&String) -> bool,
    ) -> bool {
        reasons.into_iter().flatten().any(Reason::is_of_memory) || policies.any(reads)
    }

    /// How long before a time the records begin, if something counts for longer.
    pub(in crate::cli) fn begins_late(&self, gate: &Gate, now: Millis) -> Option<Millis> {
        let plan = gate.bundle.memory.as_ref()?;
        let known = now.saturating_sub(self.begins.unwrap_or(now));
        (known < plan.horizon()).then_some(known)
    }

    /// Adds a record. With `only`, callers that share no account with it are left out.
    pub(in crate::cli) fn add(&mut self, gate: &Gate, recorded: &Recorded, only: Option<&Owners>) {
        let bundle = &gate.bundle;
        let Some(plan) = bundle.memory.as_ref() else { return };
        let (Some(reason), Ok(time)) = (recorded.reason(), recorded.time.parse()) else { return };
        let now = millis(time);
        self.begins = Some(self.begins.map_or(now, |begins| begins.min(now)));
        let Counted { forwards, refuses } = Counted::of(reason, recorded);
        if recorded.principal.is_none() || !(forwards || refuses) {
            return;
        }
        let owners = match owners(recorded, bundle, plan) {
            Ok(owners) => owners,
            Err(why) => return self.miss(Gap::Caller(why)),
        };
        if only.is_some_and(|only| !only.shares(&owners)) {
            return;
        }
        let recalled = self.store.recall(owners.slots(), now, Vec::new());
        let mut working = Working::open(plan, &owners, Some(&recalled));
        let made = if forwards { self.made(bundle, recorded) } else { Vec::new() };
        for made in made {
            let name = made.tool.qualified_name();
            let particulars = made.particulars(bundle, plan);
            let withheld = made.resource.is_none_or(is_withheld);
            if withheld && (plan.counts_resources() || particulars.tenant.is_some()) {
                self.miss(Gap::Resource(name.to_owned()));
            }
            let shown = shown(recorded, made.tool, bundle.shadow.is_some());
            let told = Told { arguments: made.arguments, spent: &made.spent, shown, particulars };
            for untold in working.recount(made.tool, &told, bundle.shadow.is_none()) {
                self.miss(Gap::Call(name.to_owned(), untold));
            }
        }
        if refuses {
            working.refuse();
        }
        self.counted = self.counted.saturating_add(1);
        // All slots were read, so nothing is missing.
        for write in working.into_writes().unwrap_or_default() {
            self.store.write(&write);
        }
        let method = recorded.in_bundle(bundle).filter(|tool| forwards && is_about_tasks(tool));
        if let Some(method) = method {
            let arrival = Lessons::of_any(plan, &owners, bundle.tools_behind(method.server()));
            learn(gate, arrival.of_arrival().iter(), &mut self.store, now);
        }
    }

    fn miss(&mut self, gap: Gap) {
        let count = self.gaps.entry(gap).or_default();
        *count = count.saturating_add(1);
    }

    /// The calls of a record that were forwarded.
    fn made<'a>(&mut self, bundle: &'a Bundle, recorded: &'a Recorded) -> Vec<Made<'a>> {
        let spent = spent(recorded, bundle);
        let Some(tool) = recorded.in_bundle(bundle) else {
            let name = recorded.tool.clone().unwrap_or_default();
            self.miss(Gap::Unknown(name));
            return Vec::new();
        };
        let outer = Made {
            tool,
            arguments: recorded.arguments.as_ref(),
            digest: recorded.arguments_digest.as_deref(),
            resource: recorded.text("resource"),
            spent: spent.clone(),
        };
        let Some(inner) = &recorded.inner else { return vec![outer] };
        let text = |name: &str| inner.get(name).and_then(Value::as_str);
        let name = text("tool").unwrap_or_default();
        let Some(tool) = bundle.actions().find(|tool| tool.qualified_name() == name) else {
            self.miss(Gap::Unknown(name.to_owned()));
            return vec![outer];
        };
        // What the inner call spent comes last.
        let spent = spent.into_iter().rev().collect();
        let digest = text("arguments_digest");
        let (arguments, resource) = (inner.get("arguments"), text("resource"));
        vec![outer, Made { tool, arguments, digest, resource, spent }]
    }
}

impl Made<'_> {
    fn particulars(&self, bundle: &Bundle, plan: &Plan) -> Particulars {
        let resource = self.resource.filter(|text| !is_withheld(text));
        let uid: Option<EntityUid> = resource.and_then(|text| text.parse().ok());
        let empty = Digest::of_bytes(b"{}");
        let digest = self.digest.unwrap_or_else(|| empty.as_str());
        let of_tool = self.tool.resource_without_id();
        let about: Option<&EntityUid> = uid.as_ref().or(of_tool.as_ref());
        let tenant = plan.tenant(about.map(|uid| uid.type_name().as_ref()), |attribute| {
            bundle.entity_store().text(uid.as_ref()?.as_ref(), attribute)
        });
        let uid = uid.as_ref().filter(|_| plan.counts_resources());
        Particulars {
            resource: uid.map(|uid| Name::of(&uid.to_string())),
            arguments: plan.counts_repeats().then(|| Name::of(&digest)),
            tenant,
        }
    }
}

/// Whether the text of an entity has a mark in place of its id.
fn is_withheld(entity: &str) -> bool {
    let id = entity.rsplit_once("::\"").and_then(|(_, id)| id.strip_suffix('"'));
    id.is_some_and(is_mark)
}

/// What a record counts as.
struct Counted {
    /// A call that was forwarded.
    forwards: bool,
    /// A refusal.
    refuses: bool,
}

impl Counted {
    fn of(reason: Reason, recorded: &Recorded) -> Self {
        if reason != Reason::Shadow {
            let refuses = is_counted_refusal(reason, recorded);
            return Self { forwards: reason == Reason::Permitted, refuses };
        }
        // Everything passes, and what is refused in force counts as that, too.
        let Some(reason) = recorded.shadow.as_ref().and_then(|it| reason_of(&it.reason)) else {
            return Self { forwards: false, refuses: false };
        };
        let refuses = is_counted_refusal(reason, recorded);
        Self { forwards: was_asked(reason, recorded), refuses }
    }
}

/// Whether policies were asked about a call with this outcome: no other is one to the gate.
fn was_asked(reason: Reason, recorded: &Recorded) -> bool {
    // Whose a task is, is asked after policies.
    if reason == Reason::TaskMismatch {
        return recorded.tool.is_some();
    }
    let unfit = matches!(
        reason,
        Reason::UnknownTool | Reason::InvalidArguments | Reason::UnknownResource | Reason::Shadow
    );
    reason.stage() == Stage::Call && !unfit
}

/// Whether the response to a method can have the result of any call.
fn is_about_tasks(method: &Tool) -> bool {
    method.is_method() && method.wire_name().starts_with("tasks/")
}

/// Whether the gate counts a refusal: the message was read.
fn is_counted_refusal(reason: Reason, recorded: &Recorded) -> bool {
    let needs_a_tool =
        matches!(reason, Reason::ToolChanged | Reason::TooManyValues | Reason::TaskMismatch);
    let of_call =
        if needs_a_tool { recorded.tool.is_some() } else { reason.stage() == Stage::Call };
    of_call && reason.determines()
}

fn owners(recorded: &Recorded, bundle: &Bundle, plan: &Plan) -> Result<Owners, String> {
    let restored =
        identity::restore(recorded, &bundle.identity).map_err(|problem| problem.message)?;
    let found = identify(&bundle.identity, &restored.identity.attested());
    let found = found.map_err(|error| error.to_string())?;
    Ok(Owners::of(&bundle.id.name, plan, &found, &Secret::default()))
}

/// The labels of a tool's result whose parts the caller of a record got: all of them in shadow.
fn shown<'a>(recorded: &Recorded, tool: &'a Tool, in_shadow: bool) -> Vec<&'a str> {
    let revealed = recorded.whole.get("revealed").and_then(Value::as_array);
    let revealed: Vec<&str> = revealed.into_iter().flatten().filter_map(Value::as_str).collect();
    let labels = tool.labels().iter().map(|label| &*label.name);
    labels.filter(|label| in_shadow || revealed.contains(label)).collect()
}

/// What the calls of a record spent. Another bundle may count other amounts under the same name.
fn spent(recorded: &Recorded, bundle: &Bundle) -> Vec<(String, Amount)> {
    let spent = recorded.whole.get("budgets").filter(|_| recorded.is_of(&bundle.id.digest));
    let spent: Vec<Spent> = spent.and_then(|it| Vec::deserialize(it).ok()).unwrap_or_default();
    let amounts = spent.into_iter().filter_map(|Spent { budget, amount }| {
        // An amount of zero is none of a bundle.
        let zero = amount.as_f64() == Some(0.0);
        let amount = if zero { Ok(Amount::of_units(0)) } else { Amount::try_from(amount) };
        Some((budget, amount.ok()?))
    });
    amounts.collect()
}

impl Gap {
    fn told(&self, count: usize) -> String {
        let calls = counted(count, "call");
        match self {
            Self::Unknown(tool) => {
                format!("the bundle does not have `{tool}`: {calls} of it do not count")
            }
            Self::Caller(why) => {
                let records = counted(count, "record");
                format!("{records} do not count, since the caller cannot be rebuilt: {why}")
            }
            Self::Call(tool, untold) => format!("{calls} of `{tool}`: {}", Shown(untold)),
            Self::Resource(tool) => format!(
                "{calls} of `{tool}`: the record withholds the resource, which does not count"
            ),
        }
    }
}

struct Shown<'a>(&'a Untold);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Untold::Sum(sum) => {
                write!(f, "the record withholds the amount, which the sum `{sum}` lacks")
            }
            Untold::Budget(budget) => {
                write!(f, "the record withholds the amount, which the budget `{budget}` lacks")
            }
            Untold::Cleared => f.write_str(
                "no record tells whether it succeeded, so the labels that it clears stay",
            ),
            Untold::GivenBack(budget) => {
                write!(
                    f,
                    "no record tells whether it was answered, so `{budget}` gets nothing back"
                )
            }
        }
    }
}
