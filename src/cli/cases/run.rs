//! Running a request through the exchange.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::Gate;
use crate::exchange::{Arrival, Event, Exchange, Step};
use crate::reason::{Decision, Reason};
use crate::record::Record;
use crate::refusal::Reply;

/// What came of a request.
#[derive(Debug)]
pub struct Outcome {
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// The policies that determined it.
    pub policies: BTreeSet<String>,
    /// The answer, when it was refused.
    pub reply: Option<Reply>,
    /// The records, one per decided call.
    pub records: Vec<Record>,
}

/// Runs a request with its body whole, growing by one byte and growing by seven.
///
/// # Errors
///
/// The way the body arrived made a difference, which is a fault of the gate.
pub fn run(gate: &Gate, arrival: &Arrival, body: &[u8]) -> Result<Outcome, String> {
    let whole = exchange(gate, arrival, body, None);
    for step in [1, 7] {
        let pieces = exchange(gate, arrival, body, Some(step));
        if trace(&pieces) != trace(&whole) {
            return Err(format!(
                "in pieces of {step}: {}; whole: {}",
                trace(&pieces),
                trace(&whole)
            ));
        }
    }
    Ok(Outcome::of(whole))
}

/// Runs a request with its body whole.
pub fn decide(gate: &Gate, arrival: &Arrival, body: &[u8]) -> Outcome {
    Outcome::of(exchange(gate, arrival, body, None))
}

/// `growth`: by how many bytes the body grows between two events; whole at once when absent.
fn exchange(gate: &Gate, arrival: &Arrival, body: &[u8], growth: Option<usize>) -> Step {
    let mut exchange = Exchange::default();
    let mut step = exchange.step(gate, Event::Headers(arrival));
    for size in growth.iter().flat_map(|growth| (*growth..body.len()).step_by(*growth)) {
        if !matches!(step, Step::AwaitBody) {
            return step;
        }
        step = exchange.step(gate, Event::Buffered(size));
    }
    if matches!(step, Step::AwaitBody) { exchange.step(gate, Event::End(body)) } else { step }
}

/// Everything that the outside sees of a step.
fn trace(step: &Step) -> String {
    format!("{step:?}")
}

impl Outcome {
    /// Of several records, the one that says why the request was refused counts: a call that is
    /// refused only because of another one in its batch does not.
    fn of(step: Step) -> Self {
        let (records, reply, lifecycle) = match step {
            Step::Forward(forward) => (forward.records, None, true),
            Step::Refuse(refusal) => (refusal.records, Some(refusal.reply), false),
            Step::AwaitBody => (Vec::new(), None, false),
        };
        let cause = |record: &&Record| record.decides();
        let (reason, policies) = match records.iter().find(cause).or_else(|| records.first()) {
            Some(refused) if refused.is_refused() => {
                (refused.reason, refused.policies.iter().cloned().collect())
            }
            Some(permitted) => (
                permitted.reason,
                records.iter().flat_map(|record| record.policies.clone()).collect(),
            ),
            None if lifecycle => (Reason::Lifecycle, BTreeSet::new()),
            None => (Reason::Internal, BTreeSet::new()),
        };
        Self { decision: reason.decision(), reason, policies, reply, records }
    }

    /// The body of the refusal; `null` when the request was forwarded.
    pub fn reply_json(&self) -> Value {
        let reply = self.reply.as_ref();
        reply.and_then(|reply| serde_json::from_slice(&reply.body).ok()).unwrap_or_default()
    }
}
