//! What is known about one request so far, and the records and refusals that come of it.

use std::rc::Rc;

use chrono::DateTime;

use crate::bundle::Mode;
use crate::config::Gate;
use crate::decide::{Denial, Facts};
use crate::mcp::{Id, MessageError};
use crate::reason::Reason;
use crate::record::{self, ActorField, PrincipalField, Record, Shared, TokenField};
use crate::refusal::Refused;

use super::sender::Sender;
use super::{Arrival, Refusal, unreadable};

/// What is known about one request so far.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) facts: Facts,
    pub(super) server: Option<Rc<str>>,
    principal: Option<Shared<PrincipalField>>,
    actor: Option<Shared<ActorField>>,
    token: Option<Shared<TokenField>>,
    txn: Option<String>,
    entropy: u128,
}

impl Account {
    pub(super) fn open(gate: &Gate, arrival: &Arrival) -> Self {
        Self::of(arrival.facts(&gate.environment), arrival.entropy)
    }

    /// The account of a request of which nothing is known.
    pub(super) fn unknown(gate: &Gate) -> Self {
        let facts = Facts {
            time: DateTime::UNIX_EPOCH,
            method: String::new(),
            path: String::new(),
            authority: String::new(),
            source_ip: None,
            trace_id: None,
            environment: Rc::clone(&gate.environment),
        };
        Self::of(facts, 0)
    }

    fn of(facts: Facts, entropy: u128) -> Self {
        Self { facts, server: None, principal: None, actor: None, token: None, txn: None, entropy }
    }

    pub(super) fn identify(&mut self, sender: &Sender) {
        self.principal = Some(sender.principal.clone());
        self.actor.clone_from(&sender.actor);
        self.token.clone_from(&sender.token);
        self.txn = sender.identity.token.as_ref().and_then(|token| token.txn.clone());
    }

    /// The record of the `index`-th message of the request.
    pub(super) fn record(&self, gate: &Gate, reason: Reason, index: usize) -> Record {
        Record {
            schema: record::SCHEMA,
            time: record::timestamp(self.facts.time),
            id: record::decision_id(self.facts.time, self.entropy, index),
            event_class: reason.event_class(),
            decision: reason.decision(),
            reason,
            detail: None,
            policies: Vec::new(),
            layer: None,
            mode: Mode::Enforce,
            bundle: gate.bundle.id.clone(),
            shadow_decision: None,
            shadow: None,
            candidate_decision: None,
            candidate: None,
            principal: self.principal.clone(),
            actor: self.actor.clone(),
            token: self.token.clone(),
            authority: record::cut(&self.facts.authority).into_owned(),
            path: record::cut(&self.facts.path).into_owned(),
            server: self.server.clone(),
            tool: None,
            method: None,
            classes: Rc::default(),
            data_class: None,
            operation: None,
            cost: None,
            arguments: None,
            arguments_digest: None,
            request_digest: None,
            resource: None,
            txn: self.txn.clone(),
            trace_id: self.facts.trace_id.clone(),
            source_ip: self.facts.source_ip,
            environment: Rc::clone(&gate.environment),
            gate: gate.site.clone(),
            known: false,
        }
    }

    /// A refusal of the request as a whole.
    pub(super) fn refuse(&self, gate: &Gate, denial: &Denial, id: Option<&Id>) -> Refusal {
        let mut record = self.record(gate, denial.reason, 0);
        record.detail.clone_from(&denial.detail);
        if gate.bundle.staged.is_some() {
            record.stage(Some(record.opinion()));
        }
        let refused = Refused { id, tool: None, advice: denial.advice.as_deref(), record: &record };
        Refusal { reply: unreadable(gate, &refused), records: vec![record] }
    }

    /// A refusal of a body that holds no message that may be decided.
    pub(super) fn refuse_message(&self, gate: &Gate, error: &MessageError) -> Refusal {
        let text = Some(error.message.clone());
        let denial = Denial { advice: text.clone(), detail: text, ..Denial::because(error.reason) };
        self.refuse(gate, &denial, error.id.as_ref())
    }

    /// A refusal because the gate itself failed.
    pub(super) fn fail(&self, gate: &Gate, detail: &str) -> Refusal {
        let detail = Some(detail.to_owned());
        self.refuse(gate, &Denial { detail, ..Denial::because(Reason::Internal) }, None)
    }
}
