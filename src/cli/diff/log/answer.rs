//! The decision of one bundle on a recorded call, and how certain it is.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy};

use super::inferred::InferredMatches;
use crate::bundle::Bundle;
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::analysis::scope::{admits_action, admits_principal, admits_resource};
use crate::cli::diff::structure::failing::can_fail;
use crate::cli::log::Recorded;
use crate::cli::log::history::History;
use crate::cli::log::withheld::Reads;
use crate::decide::CedarRequest;
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::reason::{Decision, Reason};
use crate::record::Record;

/// A bundle prepared to decide many calls.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) gate: Gate,
    /// What is remembered of the records so far.
    pub(super) history: History,
    readers: Vec<Reader>,
}

/// A policy and the arguments and attributes it reads.
#[derive(Debug)]
struct Reader {
    policy: Policy,
    reads: Reads,
    can_fail: bool,
}

/// The withheld values of a call, by the names of arguments and principal attributes. Placeholders
/// replace them.
#[derive(Debug)]
pub(super) struct Withheld<'a> {
    pub(super) arguments: &'a BTreeSet<&'a str>,
    pub(super) attributes: &'a [String],
}

impl Withheld<'_> {
    fn is_read(&self, reads: &Reads) -> bool {
        let arguments = !self.arguments.is_empty() && reads.any(self.arguments);
        arguments || reads.any_attribute(self.attributes)
    }
}

/// A policy whose match depends on withheld values.
struct Doubt {
    id: String,
    permits: bool,
    can_fail: bool,
}

/// The decision of a bundle.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) reason: Reason,
    pub(super) policies: BTreeSet<String>,
    pub(super) certainty: Certainty,
    /// The record that the gate would write.
    pub(super) record: Option<Record>,
}

/// Which part of a decision holds for all possible withheld values.
#[derive(Debug)]
pub(super) enum Certainty {
    /// The whole decision.
    Full,
    /// Only that it is a refusal.
    Refusal,
    /// Nothing, because these policies read withheld values.
    None(Vec<String>),
}

impl Answer {
    pub(super) fn decision(&self) -> Decision {
        self.reason.decision()
    }

    pub(super) fn permits(&self) -> bool {
        self.decision() == Decision::Permit
    }
}

impl Side {
    pub(super) fn new(gate: Gate) -> Self {
        let readers = policies(&gate.bundle).map(|policy| Reader {
            policy: policy.clone(),
            reads: Reads::of(policy),
            can_fail: policy.to_json().map_or(true, |json| can_fail(&json)),
        });
        let readers = readers.collect();
        Self { gate, history: History::default(), readers }
    }

    /// Remembers a recorded call for those after it.
    pub(super) fn remember(&mut self, recorded: &Recorded) {
        self.history.add(&self.gate, recorded, None);
    }

    /// Whether a policy reads what is remembered of earlier calls.
    fn recalls(&self, id: &String) -> bool {
        let named = |reader: &&Reader| reader.policy.id().to_string() == *id;
        self.readers.iter().filter(named).any(|reader| reader.reads.remembered())
    }

    /// Whether an answer that is not the recorded one may be due to calls that the log lacks.
    pub(super) fn lacks_history(&self, recorded: &Recorded, answer: &Answer) -> bool {
        let policies = recorded.policies.iter().chain(&answer.policies);
        let reasons = [recorded.reason(), Some(answer.reason)];
        let depends = History::matters(reasons, policies, |id| self.recalls(id));
        let now = recorded.time.parse().map(run::millis).unwrap_or_default();
        let lacks =
            || self.history.is_uncertain() || self.history.begins_late(&self.gate, now).is_some();
        self.gate.bundle.memory.is_some() && depends && lacks()
    }

    /// Decides a call as the filter does. For a policy that reads withheld values, a known match
    /// replaces its result with the placeholders.
    pub(super) fn ask(
        &mut self,
        arrival: &Arrival,
        body: &[u8],
        withheld: &Withheld<'_>,
        known: &InferredMatches,
    ) -> Answer {
        let (mut outcome, doubts) = self.doubtful(arrival, body, withheld);
        let (told, doubts): (Vec<_>, Vec<_>) =
            doubts.into_iter().partition(|doubt| known.matches(&doubt.id).is_some());
        let told: BTreeSet<String> = told.into_iter().map(|doubt| doubt.id).collect();
        if !told.is_empty() {
            let revised = self.gate.bundle.layers.revised(|policy| {
                let id = policy.id().to_string();
                if told.contains(&id) { known.revised(policy) } else { Some(policy.clone()) }
            });
            let layers = std::mem::replace(&mut self.gate.bundle.layers, revised);
            outcome = run::after(&self.gate, arrival, body, self.history.store());
            self.gate.bundle.layers = layers;
        }
        let certainty = certainty(&outcome, &doubts);
        let record = outcome.telling().first().cloned();
        let Outcome { reason, policies, .. } = outcome;
        Answer { reason, policies, certainty, record }
    }

    /// The outcome, and the policies that read withheld values and whose scope admits the call.
    fn doubtful(
        &self,
        arrival: &Arrival,
        body: &[u8],
        withheld: &Withheld<'_>,
    ) -> (Outcome, Vec<Doubt>) {
        let reading: Vec<_> =
            self.readers.iter().filter(|reader| withheld.is_read(&reader.reads)).collect();
        if reading.is_empty() {
            let memory = self.history.store();
            return (run::after(&self.gate, arrival, body, memory), Vec::new());
        }
        let (outcome, trace) = run::traced(&self.gate, arrival, body, self.history.store());
        let posed = outcome.records.iter().find_map(|record| trace.of(record));
        // Without a Cedar request no policy is evaluated.
        let Some(posed) = posed else {
            return (outcome, Vec::new());
        };
        let layers: Vec<_> = self.gate.bundle.layers.of(&posed.identity).collect();
        let applies = |reader: &&Reader| {
            layers.iter().any(|layer| layer.policies().policy(reader.policy.id()).is_some())
                && posed.all().any(|it| admits(&reader.policy, it))
        };
        let doubts = reading.into_iter().filter(applies).map(Reader::doubt).collect();
        (outcome, doubts)
    }
}

impl Reader {
    fn doubt(&self) -> Doubt {
        let permits = self.policy.effect() == Effect::Permit;
        Doubt { id: self.policy.id().to_string(), permits, can_fail: self.can_fail }
    }
}

fn policies(bundle: &Bundle) -> impl Iterator<Item = &Policy> {
    bundle.all_layers().iter().flat_map(|layer| layer.policies().policies())
}

fn admits(policy: &Policy, question: &CedarRequest) -> bool {
    let (request, entities) = (question.request(), question.entities());
    let admitted = |part: Option<bool>| part.unwrap_or(true);
    admitted(request.principal().map(|it| admits_principal(policy, it, entities)))
        && admitted(request.action().map(|it| admits_action(policy, it, entities)))
        && admitted(request.resource().map(|it| admits_resource(policy, it, entities)))
}

fn certainty(outcome: &Outcome, doubts: &[Doubt]) -> Certainty {
    let doubtful = |id: &String| doubts.iter().any(|doubt| doubt.id == *id);
    let certain = if doubts.is_empty() {
        Some(Certainty::Full)
    } else if outcome.reason == Reason::Permitted {
        // Another permit changes nothing, unless its evaluation fails.
        let harmless = |doubt: &Doubt| doubt.permits && !doubt.can_fail;
        let others = outcome.policies.iter().all(|id| !doubtful(id));
        (others && doubts.iter().all(harmless)).then_some(Certainty::Full)
    } else if outcome.reason == Reason::NotPermitted {
        (!doubts.iter().any(|doubt| doubt.permits)).then_some(Certainty::Refusal)
    } else {
        outcome.policies.iter().any(|id| !doubtful(id)).then_some(Certainty::Refusal)
    };
    certain.unwrap_or_else(|| {
        let mut ids: Vec<String> = doubts.iter().map(|doubt| doubt.id.clone()).collect();
        ids.sort_unstable();
        Certainty::None(ids)
    })
}
