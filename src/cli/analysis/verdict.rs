//! Runs a test case and compares the outcome with the expected one.

use serde_json::{Value, json};

use super::run::{self, Outcome};
use super::trace::Trace;
use super::{faces, meant};
use crate::cli::input::cases::{Case, CaseFile, Expect, ExpectShadow, Identity, Preceding, Suite};
use crate::cli::output::source::Location;
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::memory::Store;

/// A case with its result and location.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// The case.
    pub case: &'a Case,
    /// Its location.
    pub place: Location,
    /// The evaluated Cedar requests.
    pub trace: Trace,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// The differences from the expected outcome; empty if the case passed.
    pub mismatches: Vec<Mismatch>,
    /// What exists near a tool or channel that does not, if the case did not expect that.
    pub help: Option<String>,
    /// A bug in the gate itself.
    pub fault: Option<String>,
}

/// A difference from the expected outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// What differs.
    pub what: &'static str,
    /// The expected value.
    pub expected: Value,
    /// The actual value.
    pub actual: Value,
}

impl<'a> Verdict<'a> {
    /// Runs every case.
    pub fn all(gate: &Gate, suite: &'a Suite) -> Vec<Self> {
        suite.cases().map(|(file, case, place)| Self::of(gate, file, case, place)).collect()
    }

    /// Runs a case.
    pub fn of(gate: &Gate, file: &'a CaseFile, case: &'a Case, place: Location) -> Self {
        let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
        let (arrival, body) = case.arrival(identity, &gate.bundle);
        let memory = memory(gate, file, case);
        let (outcome, trace, fault) = match run::in_pieces(gate, &arrival, &body, &memory) {
            Ok((outcome, trace)) => (Some(outcome), trace, None),
            Err(fault) => (None, Trace::default(), Some(fault)),
        };
        let mut mismatches: Vec<Mismatch> =
            outcome.iter().flat_map(|outcome| compare(&case.expect, outcome)).collect();
        mismatches.extend(faces(gate, case, identity, (&arrival, &body, &memory)));
        let unexpected = outcome.as_ref().filter(|outcome| outcome.reason != case.expect.reason);
        let record = unexpected.and_then(|outcome| outcome.telling().first());
        let help = record.and_then(|record| meant::instead(&gate.bundle, record));
        Self { case, place, trace, outcome, mismatches, help, fault }
    }

    /// Whether the outcome is as expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty() && self.fault.is_none()
    }
}

/// Whether a case passes with its body in one piece.
pub(super) fn passes(gate: &Gate, file: &CaseFile, case: &Case) -> bool {
    let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
    let (arrival, body) = case.arrival(identity, &gate.bundle);
    let memory = memory(gate, file, case);
    let outcome = run::after(gate, &arrival, &body, &memory);
    compare(&case.expect, &outcome).is_empty()
        && faces(gate, case, identity, (&arrival, &body, &memory)).is_empty()
}

/// What is remembered once the requests before that of a case have come.
fn memory(gate: &Gate, file: &CaseFile, case: &Case) -> Store {
    let mut memory = Store::default();
    for Preceding { arrival, body, fails } in case.earlier(file, &gate.bundle) {
        run::remembered(gate, (&arrival, &body), &mut memory, fails);
    }
    memory
}

/// All differences between an outcome and the expected one.
fn compare(expect: &Expect, outcome: &Outcome) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    let mut compare = |what, expected: Value, actual: Value| {
        if expected != actual {
            mismatches.push(Mismatch { what, expected, actual });
        }
    };
    compare("decision", json!(expect.decision), json!(outcome.decision));
    compare("reason", json!(expect.reason), json!(outcome.reason));
    compare("policies", json!(expect.policies), json!(outcome.policies));
    if let Some(layer) = &expect.layer {
        compare("layer", json!(layer), json!(outcome.layer));
    }
    if let Some(shadow) = &expect.shadow {
        let actual = outcome.shadow.as_ref().map(|actual| ExpectShadow {
            decision: actual.reason.decision(),
            reason: actual.reason,
            policies: actual.policies.clone(),
        });
        compare("shadow", json!(shadow), json!(actual));
    }
    if let Some(status) = expect.status {
        let actual = outcome.reply.as_ref().map(|reply| reply.status);
        compare("status", json!(status), json!(actual));
    }
    if let Some(expected) = &expect.reply {
        let actual = outcome.reply_json();
        if !contains(&actual, expected) {
            mismatches.push(Mismatch { what: "reply", expected: expected.clone(), actual });
        }
    }
    mismatches
}

/// The differences from the expected list of tools and from the expected result.
fn faces(
    gate: &Gate,
    case: &Case,
    identity: Option<&Identity>,
    request: (&Arrival, &[u8], &Store),
) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    if let Some(list) = &case.expect.list {
        let actual = faces::list(&gate.bundle, &gate.environment, identity, request.0);
        if actual.as_ref() != Ok(list) {
            let actual = actual.map_or_else(Value::from, |actual| json!(actual));
            mismatches.push(Mismatch { what: "list", expected: json!(list), actual });
        }
    }
    if let (Some(result), Some(expected)) = (&case.result, &case.expect.result) {
        let actual = faces::received(gate, request, result).unwrap_or_else(Value::from);
        if !contains(&actual, expected) {
            mismatches.push(Mismatch { what: "result", expected: expected.clone(), actual });
        }
    }
    mismatches
}

/// Whether everything in `part` is at the same place in `whole`.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (whole, part) => whole == part,
    }
}
