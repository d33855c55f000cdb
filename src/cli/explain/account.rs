//! Collects everything that explains a decision.

use std::collections::BTreeSet;

use cedar_policy::{Effect, PolicyId};

use super::nearest::{self, Near};
use super::parties::{self, Party};
use super::past::Past;
use super::subject::Subject;
use crate::bundle::{Bundle, Layer, LayerName};
use crate::cli::analysis::meant;
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::analysis::trace::{PosedCall, is_about_inner};
use crate::cli::log::{self, Recorded};
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::decide::CedarRequest;
use crate::gate::Gate;
use crate::json;
use crate::reason::{Decision, Reason};
use crate::record::Record;

/// Maximum nesting; no recorded call reaches it.
const DEPTH: usize = 128;

/// A decision and everything that led to it.
#[derive(Debug)]
pub(super) struct Explanation {
    /// The decision.
    pub(super) decision: Decision,
    /// The reason.
    pub(super) reason: Reason,
    /// The outcome of the request; `None` if it could not be decided again.
    pub(super) outcome: Option<Outcome>,
    /// The decided calls.
    pub(super) calls: Vec<ExplainedCall>,
    /// The explained record and, if known, the members in which the new decision differs.
    pub(super) recorded: Option<(Recorded, Option<Vec<&'static str>>)>,
    /// Notes for the reader.
    pub(super) notes: Vec<String>,
}

/// One record and the Cedar request that led to it.
#[derive(Debug)]
pub(super) struct ExplainedCall {
    pub(super) record: Record,
    /// The arguments that policies do not see.
    pub(super) unread: BTreeSet<String>,
    /// The Cedar request; `None` if no policy was evaluated.
    pub(super) question: Option<CedarRequest>,
    /// That of the inner call; `None` if no policy was evaluated for one.
    pub(super) inner: Option<CedarRequest>,
    /// The decision of each layer.
    pub(super) layers: Vec<(LayerName, LayerAnswer)>,
    /// The decision about each party, where each needs the right by itself.
    pub(super) parties: Vec<Party>,
    /// For a call that no policy permits: the policies that nearly match.
    pub(super) nearest: Vec<Near>,
}

/// The decision of one layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LayerAnswer {
    /// The layer permits the call.
    Permitted,
    /// The layer refuses the call.
    Refused,
    /// Not evaluated, because a more general layer refused the call.
    NotAsked,
}

impl LayerAnswer {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Refused => "refused",
            Self::NotAsked => "not asked",
        }
    }
}

/// A policy as its author wrote it.
#[derive(Debug)]
pub(super) struct Author<'a> {
    pub(super) layer: &'a LayerName,
    pub(super) effect: Effect,
    /// Its message to the caller.
    pub(super) reason: Option<&'a str>,
}

impl<'a> Author<'a> {
    pub(super) fn of(bundle: &'a Bundle, policy: &str) -> Option<Self> {
        let id = PolicyId::new(policy);
        let (layer, policy) = bundle.all_layers().policy(&id)?;
        Some(Self { layer: &layer.name, effect: policy.effect(), reason: layer.reason(&id) })
    }
}

impl Explanation {
    /// Decides the request as the filter does, and collects the explanation.
    pub(super) fn of(gate: &Gate, subject: Subject, past: &Past) -> Result<Self, Stop> {
        let Subject { request, recorded, withholds, mut may_differ, mut notes, .. } = subject;
        let Some((arrival, body)) = request else {
            return Ok(Self::as_recorded(recorded, notes));
        };
        let outcome = run::in_pieces(gate, &arrival, &body, &past.memory);
        let (outcome, mut trace) = outcome.map_err(Problem::new)?;
        let records = outcome.records.iter();
        let calls = records.map(|record| explained(gate, record, trace.take(record))).collect();
        notes.extend(
            outcome.records.iter().filter_map(|record| meant::instead(&gate.bundle, record)),
        );
        let differing = |recorded: &Recorded| {
            let complete = !withholds && recorded.is_of(&gate.bundle.id.digest);
            let again = outcome.telling().first();
            again.map_or_else(|| vec!["reason"], |it| log::differences(recorded, it, complete))
        };
        let recalls = |recorded: &Recorded| {
            !differing(recorded).is_empty() && past.may_matter(gate, recorded, &outcome)
        };
        if recorded.as_ref().is_some_and(recalls) {
            may_differ = true;
            notes.push(past.advice().to_owned());
        }
        let reason = decided(recorded.as_ref(), &outcome, may_differ);
        let is_forwarded = reason.decision() == Decision::Permit;
        if is_forwarded && gate.bundle.asserts() {
            notes.push(
                "the filter adds a signed assertion, for which this command has no key".to_owned(),
            );
        }
        let recorded = recorded.map(|recorded| {
            let differing = differing(&recorded);
            let known = differing.is_empty() || !may_differ;
            (recorded, known.then_some(differing))
        });
        Ok(Self {
            decision: reason.decision(),
            reason,
            outcome: Some(outcome),
            calls,
            recorded,
            notes,
        })
    }

    fn as_recorded(recorded: Option<Recorded>, notes: Vec<String>) -> Self {
        let reason = recorded.as_ref().and_then(Recorded::reason).unwrap_or(Reason::Internal);
        Self {
            decision: reason.decision(),
            reason,
            outcome: None,
            calls: Vec::new(),
            recorded: recorded.map(|recorded| (recorded, None)),
            notes,
        }
    }
}

/// The reason to explain. A call refused with its batch may be permitted alone, and a decision made
/// with redaction marks does not override the record.
fn decided(recorded: Option<&Recorded>, outcome: &Outcome, may_differ: bool) -> Reason {
    let recorded = recorded.and_then(Recorded::reason);
    recorded
        .filter(|reason| may_differ || *reason == Reason::BatchRefused)
        .unwrap_or(outcome.reason)
}

fn explained(gate: &Gate, record: &Record, posed: Option<PosedCall>) -> ExplainedCall {
    let (record, unread) = (record.clone(), unread(gate, record).unwrap_or_default());
    let Some(PosedCall { question, inner, agents, inner_agents, identity }) = posed else {
        let (layers, nearest, parties) = (Vec::new(), Vec::new(), Vec::new());
        let (question, inner) = (None, None);
        return ExplainedCall { record, unread, question, inner, layers, parties, nearest };
    };
    let applicable: Vec<&Layer> = gate.bundle.layers.of(&identity).collect();
    let layers = layers(&applicable, &record);
    let silent = applicable.iter().find(|layer| record.layer.as_ref() == Some(&layer.name));
    let silent = silent.filter(|_| record.reason == Reason::NotPermitted);
    let inner_is_refused = inner.as_ref().filter(|_| is_about_inner(&record));
    let (of_principal, of_agents) = match inner_is_refused {
        Some(inner) => (inner, inner_agents.as_slice()),
        None => (&question, agents.as_slice()),
    };
    let parties = parties::of(&applicable, of_principal, of_agents);
    let refused = parties::asked(record.party.as_deref(), of_principal, of_agents);
    let nearest = silent.map(|layer| nearest::policies(layer, refused)).unwrap_or_default();
    ExplainedCall { record, unread, question: Some(question), inner, layers, parties, nearest }
}

/// The arguments of a call that policies do not see, as far as the record has their names.
fn unread(gate: &Gate, record: &Record) -> Option<BTreeSet<String>> {
    let name = record.tool.as_deref()?;
    let arguments = json::read(record.arguments.as_ref()?.as_str().as_bytes(), DEPTH).ok()?;
    let tool = gate.bundle.actions().find(|tool| tool.qualified_name() == name)?;
    Some(tool.unread(arguments.as_object()?))
}

fn layers(applicable: &[&Layer], record: &Record) -> Vec<(LayerName, LayerAnswer)> {
    let refused = record.layer.as_ref().filter(|_| record.reason.is_refusal());
    let mut answer = LayerAnswer::Permitted;
    let answers = applicable.iter().map(|layer| {
        answer = match answer {
            LayerAnswer::Permitted if refused == Some(&layer.name) => LayerAnswer::Refused,
            LayerAnswer::Permitted => LayerAnswer::Permitted,
            LayerAnswer::Refused | LayerAnswer::NotAsked => LayerAnswer::NotAsked,
        };
        (layer.name.clone(), answer)
    });
    answers.collect()
}
