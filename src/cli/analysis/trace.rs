//! The Cedar request of every call of an exchange that policies evaluated.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::decide::{CedarRequest, INNER, Question};
use crate::exchange::{Arrival, Observer};
use crate::identity::Identity;
use crate::record::{Record, decision_id};

/// A call that policies evaluated.
#[derive(Debug)]
pub struct PosedCall {
    /// The Cedar request with its entities.
    pub question: CedarRequest,
    /// That of its inner call, if policies evaluated one.
    pub inner: Option<CedarRequest>,
    /// The identity of the caller.
    pub identity: Identity,
}

/// The evaluated calls of a request, by decision id.
#[derive(Debug, Default)]
pub struct Trace(BTreeMap<String, PosedCall>);

impl Trace {
    /// The call of a record, unless it was refused before policy evaluation.
    pub fn of(&self, record: &Record) -> Option<&PosedCall> {
        self.0.get(&record.id)
    }

    /// Removes the call of a record from the trace.
    pub(in crate::cli) fn take(&mut self, record: &Record) -> Option<PosedCall> {
        self.0.remove(&record.id)
    }
}

/// Whether the outcome of a record is that of the inner call.
pub(in crate::cli) fn is_about_inner(record: &Record) -> bool {
    record.detail.as_ref().is_some_and(|detail| detail.starts_with(INNER))
}

/// Collects the calls of one exchange.
#[derive(Debug)]
pub(super) struct Tracer {
    arrival: Arrival,
    calls: RefCell<BTreeMap<String, PosedCall>>,
}

impl Tracer {
    pub(super) fn new(arrival: &Arrival) -> Self {
        Self { arrival: arrival.clone(), calls: RefCell::default() }
    }

    pub(super) fn trace(&self) -> Trace {
        Trace(self.calls.take())
    }
}

impl Observer for Tracer {
    fn asked(&self, index: usize, identity: &Identity, question: &Question<'_>) {
        if let Ok(question) = question.in_cedar() {
            let id = decision_id(self.arrival.time, self.arrival.entropy, index);
            let call = PosedCall { question, inner: None, identity: identity.clone() };
            self.calls.borrow_mut().insert(id, call);
        }
    }

    fn asked_inner(&self, index: usize, question: &Question<'_>) {
        let id = decision_id(self.arrival.time, self.arrival.entropy, index);
        if let (Ok(inner), Some(call)) = (question.in_cedar(), self.calls.borrow_mut().get_mut(&id))
        {
            call.inner = Some(inner);
        }
    }
}
