//! Decides a counterexample with both bundles, as a request.

use std::collections::BTreeSet;

use cedar_policy_symcc::Env;
use serde_json::Value;

use super::subject::Subject;
use super::witness::Witness;
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::analysis::{faces, sample};
use crate::cli::input::cases::{Call, Called, Sent};
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::memory::Store;
use crate::reason::{Decision, Reason};
use crate::record::Record;
use crate::tool::Label;

/// A request that the new bundle permits and the old one refuses, or of whose result only the new one
/// shows the parts with a label.
#[derive(Debug)]
pub(in crate::cli) struct Confirmed {
    pub(super) witness: Witness,
    /// The reason for the permit.
    pub(super) permitted: Reason,
    /// The policies that permit it.
    pub(super) policies: BTreeSet<String>,
    /// What the old bundle says.
    pub(super) before: Before,
    /// A result of it, and what its caller gets of it now, if it is about a label.
    pub(super) result: Option<[Value; 2]>,
}

/// What the old bundle says about a request.
#[derive(Debug)]
pub(super) enum Before {
    /// It refuses it.
    Refused {
        /// The reason.
        reason: Reason,
        /// The policies that refuse it.
        by: BTreeSet<String>,
    },
    /// It permits it, and withholds the parts with the label.
    Withheld,
}

/// Builds a request from a counterexample, and decides it with both bundles.
///
/// # Errors
///
/// No request can be built from it, or the bundles' decisions differ from the solver's result.
pub(super) fn confirm(
    gates: [&Gate; 2],
    subject: Subject<'_>,
    found: &Env,
) -> Result<Confirmed, String> {
    let [_, new] = gates;
    let witnesses = Witness::read(found, &new.bundle, subject.tool)
        .map_err(|part| format!("what the solver found is no request: no {part} is like it"))?;
    let mut failure = String::new();
    for witness in witnesses {
        match confirm_one(gates, subject, witness) {
            Ok(confirmed) => return Ok(confirmed),
            Err(reason) => failure = reason,
        }
    }
    Err(failure)
}

fn confirm_one(
    [old, new]: [&Gate; 2],
    subject: Subject<'_>,
    witness: Witness,
) -> Result<Confirmed, String> {
    let call = witness.call.on_the_wire(&new.bundle);
    let permitted = decide(new, &witness, &call)?;
    if !shows(new, subject, &permitted) {
        let answer = if passes(&permitted) { "withheld" } else { permitted.reason.as_str() };
        return Err(format!(
            "no request could be made of what the solver found: the new bundle answers `{answer}`"
        ));
    }
    let before = decide(old, &witness, &call)?;
    if shows(old, subject, &before) {
        return Err("both bundles permit what the solver found".to_owned());
    }
    let before = if passes(&before) {
        Before::Withheld
    } else {
        Before::Refused { reason: before.reason, by: before.policies }
    };
    let result = result(new, subject, &witness, &call);
    let (permitted, policies) = (permitted.reason, permitted.policies);
    Ok(Confirmed { witness, permitted, policies, before, result })
}

fn passes(outcome: &Outcome) -> bool {
    outcome.decision == Decision::Permit
}

/// Whether the call passes, and the caller gets the labelled parts of its result.
fn shows(gate: &Gate, subject: Subject<'_>, outcome: &Outcome) -> bool {
    let masks = |record: &Record, label: &Label| {
        gate.bundle.shadow.is_none() && record.masked.iter().any(|name| **name == *label.name)
    };
    let is_masked = |label| outcome.telling().iter().any(|record| masks(record, label));
    passes(outcome) && !subject.label.is_some_and(is_masked)
}

/// A result of a direct call of a tool with labels, and what its caller gets of it.
fn result(
    gate: &Gate,
    Subject { tool, label }: Subject<'_>,
    witness: &Witness,
    call: &Call,
) -> Option<[Value; 2]> {
    let is_direct = witness.call.called == Called::of(tool);
    let result = label.filter(|_| is_direct).map(|_| sample::result(tool.labels()))?;
    let (arrival, body) = arrival(witness, call);
    let got = faces::received(gate, (&arrival, &body, &Store::default()), &result).ok()?;
    Some([result, got])
}

fn decide(gate: &Gate, witness: &Witness, call: &Call) -> Result<Outcome, String> {
    let (arrival, body) = arrival(witness, call);
    run::in_pieces(gate, &arrival, &body, &Store::default()).map(|(outcome, _)| outcome)
}

fn arrival(witness: &Witness, call: &Call) -> (Arrival, Vec<u8>) {
    let Witness { time, source_ip, .. } = witness;
    let sent = Sent { call: Some(call), request: None, time: Some(*time), source_ip: *source_ip };
    sent.arrival(Some(&witness.identity))
}
