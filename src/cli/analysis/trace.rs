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
    /// The same by each agent that needs the right by itself.
    pub agents: Vec<CedarRequest>,
    /// Those of the inner call.
    pub inner_agents: Vec<CedarRequest>,
    /// The identity of the caller.
    pub identity: Identity,
}

/// The evaluated calls of a request, by decision id.
#[derive(Debug, Default)]
pub struct Trace(BTreeMap<String, PosedCall>);

impl PosedCall {
    /// Every Cedar request of the call.
    pub(in crate::cli) fn all(&self) -> impl Iterator<Item = &CedarRequest> {
        let of_principal = std::iter::once(&self.question).chain(&self.inner);
        of_principal.chain(&self.agents).chain(&self.inner_agents)
    }
}

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
        let agents = of_agents(question);
        if let Ok(question) = question.in_cedar() {
            let id = decision_id(self.arrival.time, self.arrival.entropy, index);
            let (inner, inner_agents) = (None, Vec::new());
            let identity = identity.clone();
            let call = PosedCall { question, inner, agents, inner_agents, identity };
            self.calls.borrow_mut().insert(id, call);
        }
    }

    fn asked_inner(&self, index: usize, question: &Question<'_>) {
        let id = decision_id(self.arrival.time, self.arrival.entropy, index);
        if let (Ok(inner), Some(call)) = (question.in_cedar(), self.calls.borrow_mut().get_mut(&id))
        {
            call.inner = Some(inner);
            call.inner_agents = of_agents(question);
        }
    }
}

fn of_agents(question: &Question<'_>) -> Vec<CedarRequest> {
    question.of_agents().filter_map(|agent| agent.in_cedar().ok()).collect()
}
