//! Runs a test case, and compares the outcome with what it expects.

use serde_json::{Value, json};

use super::run::{self, Outcome};
use super::trace::Trace;
use crate::cli::input::cases::{Case, CaseFile, Expect, ExpectShadow, Suite};
use crate::cli::output::source::Location;
use crate::gate::Gate;

/// A case, how it went, and where it stands.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// The case.
    pub case: &'a Case,
    /// Where it stands.
    pub place: Location,
    /// What policies were asked.
    pub trace: Trace,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// How the outcome differs from what must come; empty when the case passed.
    pub mismatches: Vec<Mismatch>,
    /// What is wrong with the gate itself.
    pub fault: Option<String>,
}

/// One respect in which a case came out differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Which one.
    pub what: &'static str,
    /// What had to come.
    pub expected: Value,
    /// What came.
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
        let (arrival, body) = case.sent().arrival(identity);
        let (outcome, trace, fault) = match run::in_pieces(gate, &arrival, &body) {
            Ok((outcome, trace)) => (Some(outcome), trace, None),
            Err(fault) => (None, Trace::default(), Some(fault)),
        };
        let mismatches =
            outcome.iter().flat_map(|outcome| compare(&case.expect, outcome)).collect();
        Self { case, place, trace, outcome, mismatches, fault }
    }

    /// Whether everything came as it must.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty() && self.fault.is_none()
    }
}

/// Every respect in which an outcome differs from what must come.
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

/// Whether everything in `part` stands at the same place in `whole`.
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
