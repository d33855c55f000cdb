//! Runs a request through the exchange.

use std::collections::BTreeSet;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::trace::{Trace, Tracer};
use crate::exchange::{Arrival, Ending, Event, Exchange, Step};
use crate::gate::Gate;
use crate::memory::{Lesson, Millis, Store};
use crate::reason::{Decision, Reason};
use crate::record::Record;
use crate::refusal::{Replacement, Reply};

/// The outcome of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The decision.
    pub decision: Decision,
    /// The reason.
    pub reason: Reason,
    /// The policies that determined it.
    pub policies: BTreeSet<String>,
    /// The layer that decided it.
    pub layer: Option<String>,
    /// The outcome with shadow policies enforced; `None` if nothing is in shadow.
    pub shadow: Option<Opinion>,
    /// The local reply, if the request was refused.
    pub reply: Option<Reply>,
    /// What the upstream got in place of the request, if it was refused in this way.
    pub replacement: Option<Replacement>,
    /// The records, one per decided call.
    pub records: Vec<Record>,
}

/// The decision with shadow policies enforced.
#[derive(Debug)]
pub struct Opinion {
    /// The reason.
    pub reason: Reason,
    /// The policies that determine it.
    pub policies: BTreeSet<String>,
}

/// Runs a request with its body in one piece, in steps of one byte and in steps of seven.
///
/// # Errors
///
/// The outcome depends on how the body arrived, which is a bug in the gate.
pub fn in_pieces(
    gate: &Gate,
    arrival: &Arrival,
    body: &[u8],
    memory: &Store,
) -> Result<(Outcome, Trace), String> {
    let tracer = Rc::new(Tracer::new(arrival));
    let run = |mut exchange, growth| run(&mut exchange, gate, (arrival, body), memory, growth);
    let whole = run(Exchange::observed(tracer.clone()), None);
    for growth in [1, 7] {
        let pieces = run(Exchange::default(), Some(growth));
        let [pieces, whole] = [&pieces, &whole].map(|step| format!("{step:?}"));
        if pieces != whole {
            return Err(format!("in pieces of {growth}: {pieces}; whole: {whole}"));
        }
    }
    Ok((Outcome::of(whole), tracer.trace()))
}

/// Runs a request with its body in one piece, of which nothing is remembered.
pub fn whole(gate: &Gate, arrival: &Arrival, body: &[u8]) -> Outcome {
    after(gate, arrival, body, &Store::default())
}

/// Runs a request with its body in one piece, and changes nothing of what is remembered.
pub(in crate::cli) fn after(
    gate: &Gate,
    arrival: &Arrival,
    body: &[u8],
    memory: &Store,
) -> Outcome {
    Outcome::of(run(&mut Exchange::default(), gate, (arrival, body), memory, None))
}

/// Runs a request with its body in one piece, which is remembered. Its calls succeed unless the server
/// answers with an error.
pub fn remembered(
    gate: &Gate,
    request: (&Arrival, &[u8]),
    memory: &mut Store,
    fails: bool,
) -> Outcome {
    let mut exchange = Exchange::default();
    let step = run(&mut exchange, gate, request, memory, None);
    if let Step::Done(effects) = &step {
        // Nobody else writes.
        effects.memory.iter().for_each(|write| _ = memory.write(write));
        let now = millis(request.0.time);
        let succeeding = exchange.succeeding().filter(|_| !fails);
        learn(gate, exchange.arriving().chain(succeeding), memory, now);
    }
    Outcome::of(step)
}

/// Changes what is remembered by what a response says.
pub(in crate::cli) fn learn<'l>(
    gate: &Gate,
    lessons: impl Iterator<Item = &'l Lesson>,
    memory: &mut Store,
    now: Millis,
) {
    let Some(plan) = &gate.bundle.memory else { return };
    for lesson in lessons {
        let recalled = memory.recall(&[lesson.slot()], now, Vec::new());
        let stored = recalled.slots.first();
        let write = stored.and_then(|(_, stored)| plan.learn(lesson, stored, now));
        if let Some(write) = write {
            // Nobody else writes.
            _ = memory.write(&write);
        }
    }
}

/// Runs a request with its body in one piece, and returns the evaluated Cedar requests.
pub(in crate::cli) fn traced(
    gate: &Gate,
    arrival: &Arrival,
    body: &[u8],
    memory: &Store,
) -> (Outcome, Trace) {
    let tracer = Rc::new(Tracer::new(arrival));
    let step = run(&mut Exchange::observed(tracer.clone()), gate, (arrival, body), memory, None);
    (Outcome::of(step), tracer.trace())
}

/// `growth`: by how many bytes the body grows between two events; in one piece if absent.
fn run(
    exchange: &mut Exchange,
    gate: &Gate,
    (arrival, body): (&Arrival, &[u8]),
    memory: &Store,
    growth: Option<usize>,
) -> Step {
    let mut step = exchange.step(gate, Event::Headers(arrival));
    let mut held = body;
    let mut sizes = growth.iter().flat_map(|growth| (*growth..body.len()).step_by(*growth));
    loop {
        let dropped = body.len().saturating_sub(held.len());
        step = match (step, sizes.next()) {
            (Step::AwaitBody, Some(size)) => {
                let buffered = size.saturating_sub(dropped);
                let step = exchange.step(gate, Event::Buffered(buffered));
                if !matches!(step, Step::Drain) {
                    step
                } else if let Some((drained, rest)) = held.split_at_checked(buffered) {
                    held = rest;
                    exchange.step(gate, Event::Drained(drained))
                } else {
                    return step;
                }
            }
            (Step::AwaitBody, None) => exchange.end(gate, held, memory, millis(arrival.time)),
            (step, _) => return step,
        };
    }
}

/// A time, as memory has it.
pub(in crate::cli) fn millis(time: DateTime<Utc>) -> Millis {
    u64::try_from(time.timestamp_millis()).unwrap_or_default()
}

impl Outcome {
    fn of(step: Step) -> Self {
        let (records, ending) = match step {
            Step::Done(effects) => (effects.records, Some(effects.ending)),
            Step::AwaitBody | Step::Drain | Step::Consult(_) => (Vec::new(), None),
        };
        let lifecycle = matches!(ending, Some(Ending::Forward(_)));
        let (reply, replacement) = match ending {
            Some(Ending::Reply(reply)) => (Some(reply), None),
            Some(Ending::Replace(replacement)) => (None, Some(replacement)),
            Some(Ending::Forward(_)) | None => (None, None),
        };
        let telling = telling(&records);
        let reason = match telling.first() {
            Some(record) => record.reason,
            None if lifecycle => Reason::Lifecycle,
            None => Reason::Internal,
        };
        let policies = telling.iter().flat_map(|record| record.policies.iter().cloned()).collect();
        let layer = telling.first().and_then(|record| record.layer.as_ref());
        let layer = layer.map(ToString::to_string);
        let shadow = shadow(telling);
        let decision = reason.decision();
        Self { decision, reason, policies, layer, shadow, reply, replacement, records }
    }

    /// The records that explain the outcome of the request.
    pub fn telling(&self) -> &[Record] {
        telling(&self.records)
    }

    /// The body of the refusal; `null` if the request was forwarded.
    pub fn reply_json(&self) -> Value {
        let reply = self.reply.as_ref();
        reply.and_then(|reply| serde_json::from_slice(&reply.body).ok()).unwrap_or_default()
    }
}

/// All records of a forwarded request. For a refused request, only the record with the cause, and
/// not those of calls refused with their batch.
fn telling(records: &[Record]) -> &[Record] {
    let cause = records.iter().position(|record| record.reason.determines());
    match cause.and_then(|cause| records.get(cause..=cause)) {
        Some(cause) => cause,
        None if records.iter().any(|record| record.reason.is_refusal()) => {
            records.get(..1).unwrap_or_default()
        }
        None => records,
    }
}

/// For a batch, the call that would have been refused by itself.
fn shadow(records: &[Record]) -> Option<Opinion> {
    let opinions = || records.iter().filter_map(|record| record.shadow.as_ref());
    let decides =
        |reason: Reason| reason.decision() != Decision::Permit && reason != Reason::BatchRefused;
    if let Some(refusal) = opinions().find(|opinion| decides(opinion.reason)) {
        let policies = refusal.policies.iter().cloned().collect();
        return Some(Opinion { reason: refusal.reason, policies });
    }
    let reason = opinions().next()?.reason;
    let policies = opinions().flat_map(|opinion| opinion.policies.iter().cloned()).collect();
    Some(Opinion { reason, policies })
}
