//! Decides a counterexample with both bundles, as a request.

use std::collections::BTreeSet;

use cedar_policy_symcc::Env;

use super::witness::Witness;
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::input::cases::{Call, Sent};
use crate::gate::Gate;
use crate::memory::Store;
use crate::reason::{Decision, Reason};
use crate::tool::Tool;

/// A request that one bundle permits and the other one refuses.
#[derive(Debug)]
pub(in crate::cli) struct Confirmed {
    pub(super) witness: Witness,
    /// The reason for the permit.
    pub(super) permitted: Reason,
    /// The policies that permit it.
    pub(super) policies: BTreeSet<String>,
    /// The reason for the refusal.
    pub(super) refused: Reason,
    /// The policies that refused it.
    pub(super) refused_by: BTreeSet<String>,
}

/// Builds a request from a counterexample, and decides it with both bundles.
///
/// # Errors
///
/// No request can be built from it, or the bundles' decisions differ from the solver's result.
pub(super) fn confirm(gates: [&Gate; 2], tool: &Tool, found: &Env) -> Result<Confirmed, String> {
    let [_, new] = gates;
    let witnesses = Witness::read(found, &new.bundle, tool)
        .map_err(|part| format!("what the solver found is no request: no {part} is like it"))?;
    let mut failure = String::new();
    for witness in witnesses {
        match confirm_one(gates, witness) {
            Ok(confirmed) => return Ok(confirmed),
            Err(reason) => failure = reason,
        }
    }
    Err(failure)
}

fn confirm_one([old, new]: [&Gate; 2], witness: Witness) -> Result<Confirmed, String> {
    let call = witness.call.on_the_wire(&new.bundle);
    let permitted = decide(new, &witness, &call)?;
    if !passes(&permitted) {
        return Err(format!(
            "no request could be made of what the solver found: the new bundle answers `{}`",
            permitted.reason.as_str()
        ));
    }
    let refused = decide(old, &witness, &call)?;
    if passes(&refused) {
        return Err("both bundles permit what the solver found".to_owned());
    }
    Ok(Confirmed {
        witness,
        permitted: permitted.reason,
        policies: permitted.policies,
        refused: refused.reason,
        refused_by: refused.policies,
    })
}

fn passes(outcome: &Outcome) -> bool {
    outcome.decision == Decision::Permit
}

fn decide(gate: &Gate, witness: &Witness, call: &Call) -> Result<Outcome, String> {
    let Witness { time, source_ip, .. } = witness;
    let sent = Sent { call: Some(call), request: None, time: Some(*time), source_ip: *source_ip };
    let (arrival, body) = sent.arrival(Some(&witness.identity));
    run::in_pieces(gate, &arrival, &body, &Store::default()).map(|(outcome, _)| outcome)
}
