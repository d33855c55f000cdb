//! Calls a tool as every identity, and collects the bundle's decisions.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::people::Person;
use crate::bundle::Channel;
use crate::cli::analysis::coverage::reachable::Coverage;
use crate::cli::analysis::coverage::shown::Shown;
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::analysis::{constants, faces, sample, scope};
use crate::cli::input::cases::{Call, Called, Sent, Suite};
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::memory::Store;
use crate::reason::Reason;
use crate::tool::Tool;

/// Maximum number of calls tried per tool.
const TRIALS: usize = 1500;

/// Maximum number of arguments from other calls.
const KNOWN: usize = 200;

/// Maximum number of made-up arguments into which constants of policies are put.
const BASES: usize = 4;

/// Maximum number of constants.
const CONSTANTS: usize = 100;

/// A tried call.
#[derive(Debug)]
pub(super) struct Trial {
    /// The position of the caller; `None` for an anonymous call.
    pub(super) person: Option<usize>,
    pub(super) call: Call,
    /// The outcome.
    pub(super) expect: Expected,
    pub(super) shown: Option<Shown>,
}

/// The expected outcome of a case.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) reason: Reason,
    pub(super) policies: Vec<String>,
    /// The same with shadow policies enforced.
    pub(super) shadow: Option<(Reason, Vec<String>)>,
    /// A result of the call, and what the caller gets of it.
    pub(super) result: Option<[Value; 2]>,
}

impl From<&Outcome> for Expected {
    fn from(outcome: &Outcome) -> Self {
        let policies = |policies: &BTreeSet<String>| policies.iter().cloned().collect();
        let shadow = outcome.shadow.as_ref();
        Self {
            reason: outcome.reason,
            policies: policies(&outcome.policies),
            shadow: shadow.map(|shadow| (shadow.reason, policies(&shadow.policies))),
            result: None,
        }
    }
}

/// Calls the tool with this qualified name, with the arguments of existing cases first.
pub(super) fn all(
    gate: &Gate,
    channels: &[Channel],
    suite: &Suite,
    coverage: &Coverage,
    people: &[Person<'_>],
    tool: &str,
) -> Vec<Trial> {
    let tool = gate.bundle.actions().find(|known| known.qualified_name() == tool);
    let channel = tool.and_then(|tool| channels.iter().find(|c| *c.server == *tool.server()));
    let (Some(tool), Some(channel)) = (tool, channel) else { return Vec::new() };
    let nobody = [None];
    let somebody: Vec<_> = (0..people.len()).map(Some).collect();
    let callers = if people.is_empty() { &nobody[..] } else { &somebody };
    let arguments = arguments(gate, suite, tool);
    let pairs = arguments.iter().flat_map(|arguments| callers.iter().map(move |c| (arguments, *c)));
    let trials = pairs.take(TRIALS).map(|(arguments, person)| {
        let call = call(channel, tool, arguments);
        let (arrival, body) = arrival(gate, people, person, &call);
        let (outcome, shown) = tried(gate, coverage, tool, (&arrival, &body));
        Trial { person, call, expect: Expected::from(&outcome), shown }
    });
    trials.collect()
}

impl Trial {
    /// The outcome, with a result if that has labels.
    pub(super) fn expected(&self, gate: &Gate, people: &[Person<'_>]) -> Expected {
        let labelled = self.shown.as_ref().filter(|shown| !shown.labels.is_empty());
        let result = labelled.and_then(|shown| {
            let mut tools = gate.bundle.actions();
            let tool = tools.find(|known| known.qualified_name() == shown.tool)?;
            let (arrival, body) = arrival(gate, people, self.person, &self.call);
            let (memory, result) = (Store::default(), sample::result(tool.labels()));
            let got = faces::received(gate, (&arrival, &body, &memory), &result).ok()?;
            Some([result, got])
        });
        Expected { result, ..self.expect.clone() }
    }
}

fn arrival(
    gate: &Gate,
    people: &[Person<'_>],
    person: Option<usize>,
    call: &Call,
) -> (Arrival, Vec<u8>) {
    let wire = call.on_the_wire(&gate.bundle);
    let sent = Sent { call: Some(&wire), request: None, time: None, source_ip: None };
    let identity = person.and_then(|person| people.get(person)).map(|person| person.identity);
    sent.arrival(identity)
}

/// The outcome of a call, and what it contributes to coverage.
fn tried(
    gate: &Gate,
    coverage: &Coverage,
    tool: &Tool,
    (arrival, body): (&Arrival, &[u8]),
) -> (Outcome, Option<Shown>) {
    let shown = |outcome: &Outcome| {
        let record = outcome.telling().first()?;
        coverage.shown(record, record.tool.as_deref())
    };
    if tool.labels().is_empty() {
        let outcome = run::whole(gate, arrival, body);
        let shown = shown(&outcome);
        return (outcome, shown);
    }
    let (outcome, trace) = run::traced(gate, arrival, body, &Store::default());
    let posed = outcome.telling().first().and_then(|record| trace.of(record));
    let shown = shown(&outcome).map(|shown| match posed {
        Some(posed) => {
            shown.with_labels(coverage, gate, (&posed.identity, &posed.question, &posed.agents))
        }
        None => shown,
    });
    (outcome, shown)
}

pub(super) fn call(channel: &Channel, tool: &Tool, arguments: &Value) -> Call {
    let authority = channel.authority.clone().map(String::from);
    Call {
        path: channel.path.clone(),
        authority: authority.unwrap_or_else(|| Call::AUTHORITY.to_owned()),
        called: Called::of(tool),
        arguments: Some(arguments.clone()),
    }
}

/// The arguments of existing cases for the tool, then arguments generated from its types.
pub(super) fn arguments(gate: &Gate, suite: &Suite, tool: &Tool) -> Vec<Value> {
    let calls = || suite.cases().filter_map(|(_, case, _)| case.call.as_ref());
    let of_tool = calls().filter(|call| {
        let channel = gate.bundle.channel(&call.authority, &call.path);
        call.called == Called::of(tool)
            && channel.is_some_and(|channel| *channel.server == *tool.server())
    });
    let used = of_tool.filter_map(|call| call.arguments.clone());
    let mut arguments = Vec::new();
    let mut add = |candidate: Value| {
        if tool.takes(&candidate) && !arguments.contains(&candidate) {
            arguments.push(candidate);
        }
    };
    let made_up = made_up(tool, &known(gate, tool, calls()));
    let bases: Vec<Value> = made_up.iter().take(BASES).cloned().collect();
    used.chain(made_up).for_each(&mut add);
    let constants = compared(gate, tool);
    bases.iter().flat_map(|base| constants::placed(base, &constants)).for_each(add);
    arguments
}

/// The constants of the policies about a tool and its labels, and the values next to them.
fn compared(gate: &Gate, tool: &Tool) -> Vec<Value> {
    let policies = gate.bundle.layers.iter().flat_map(|layer| layer.policies().policies());
    let (entities, kinds) = (gate.bundle.entities(), tool.resource_types());
    let labels = tool.labels().iter().map(|label| &label.action);
    let actions: Vec<_> = tool.action().into_iter().chain(labels).collect();
    let about = policies.filter(|policy| {
        actions.iter().any(|action| scope::admits_action(policy, action, entities))
            && kinds.iter().any(|kind| scope::admits_resource_type(policy, kind))
    });
    let all = about.filter_map(|policy| policy.to_json().ok());
    all.flat_map(|policy| constants::of(&policy)).take(CONSTANTS).collect()
}

/// The ids of the bundle's entities, if an argument names the resource, and the arguments of all
/// calls to any tool: the `account` of one tool is plausible for another.
fn known<'a>(
    gate: &Gate,
    tool: &Tool,
    calls: impl Iterator<Item = &'a Call>,
) -> Vec<(String, Value)> {
    let resources = tool.marks().resource.iter().flat_map(|mark| {
        let entities = gate.bundle.entities().iter().map(cedar_policy::Entity::uid);
        let fitting = entities.filter(|uid| uid.type_name() == mark.entity_type.as_cedar());
        let mut ids: Vec<String> = fitting.map(|uid| uid.id().unescaped().to_owned()).collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| (mark.argument.clone(), id.into()))
    });
    let objects = calls.filter_map(|call| call.arguments.as_ref()?.as_object());
    let used = objects.flatten().map(|(name, value)| (name.clone(), value.clone()));
    let mut all: Vec<(String, Value)> = Vec::new();
    for argument in resources.chain(used) {
        if all.len() < KNOWN && !all.contains(&argument) {
            all.push(argument);
        }
    }
    all
}

fn made_up(tool: &Tool, known: &[(String, Value)]) -> Vec<Value> {
    let examples = tool.examples();
    let Some(least) = examples.first().and_then(Value::as_object) else { return Vec::new() };
    let plausible = plausible(tool, least, known);
    let changed = |name: &String, value: &Value| {
        let mut changed = plausible.clone();
        changed.insert(name.clone(), value.clone());
        Value::Object(changed)
    };
    let by_type = examples.iter().filter_map(Value::as_object).flat_map(|example| {
        let news = example.iter().filter(|(name, value)| least.get(*name) != Some(value));
        news.map(|(name, value)| changed(name, value))
    });
    let by_use = known.iter().map(|(name, value)| changed(name, value));
    // What another argument chooses fits only together with it.
    let whole = examples.iter().filter(|example| {
        let members = example.as_object().into_iter().flatten();
        members.filter(|(name, value)| least.get(*name) != Some(value)).nth(1).is_some()
    });
    let first = std::iter::once(Value::Object(plausible.clone()));
    first.chain(by_type).chain(by_use).chain(whole.cloned()).collect()
}

/// The minimal arguments, each with a fitting value from another call if there is one.
fn plausible(
    tool: &Tool,
    least: &Map<String, Value>,
    known: &[(String, Value)],
) -> Map<String, Value> {
    let mut plausible = least.clone();
    for name in least.keys() {
        let mut values = known.iter().filter(|(other, _)| other == name);
        let fits = values.find_map(|(_, value)| {
            let mut changed = plausible.clone();
            changed.insert(name.clone(), value.clone());
            tool.takes(&Value::Object(changed.clone())).then_some(changed)
        });
        plausible = fits.unwrap_or(plausible);
    }
    plausible
}
