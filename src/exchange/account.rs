//! What is known about one request so far, and the records and refusals that come of it.

use crate::bundle::Bundle;
use crate::config::Gate;
use crate::decide::{Denial, Facts};
use crate::identity::Identity;
use crate::mcp::{Id, MessageError};
use crate::reason::Reason;
use crate::record::{self, ActorField, PrincipalField, Record};
use crate::refusal::Refused;

use super::{Arrival, Refusal, unreadable};

/// What is known about one request so far.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) facts: Facts,
    pub(super) server: Option<String>,
    principal: Option<PrincipalField>,
    actor: Option<ActorField>,
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
            time: chrono::DateTime::UNIX_EPOCH,
            method: String::new(),
            path: String::new(),
            authority: String::new(),
            source_ip: None,
            trace_id: None,
            environment: gate.environment.clone(),
        };
        Self::of(facts, 0)
    }

    fn of(facts: Facts, entropy: u128) -> Self {
        Self { facts, server: None, principal: None, actor: None, txn: None, entropy }
    }

    pub(super) fn identify(&mut self, identity: &Identity) {
        let principal = &identity.principal;
        self.principal = Some(PrincipalField {
            type_name: principal.type_name.clone(),
            id: principal.id.clone(),
            tenant: principal.tenant.clone(),
        });
        self.actor = identity.actor.as_ref().map(|actor| ActorField {
            type_name: actor.uid.type_name().to_string(),
            id: actor.id.clone(),
            chain: actor.chain.clone(),
        });
        self.txn = identity.token.as_ref().and_then(|token| token.txn.clone());
    }

    /// The record of the `index`-th message of the request.
    pub(super) fn record(
        &self,
        bundle: &Bundle,
        gate: &Gate,
        reason: Reason,
        index: usize,
    ) -> Record {
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
            mode: "enforce",
            bundle: bundle.id.clone(),
            principal: self.principal.clone(),
            actor: self.actor.clone(),
            authority: record::cut(&self.facts.authority),
            path: record::cut(&self.facts.path),
            server: self.server.clone(),
            tool: None,
            method: None,
            classes: Vec::new(),
            data_class: None,
            operation: None,
            arguments: None,
            arguments_digest: None,
            request_digest: None,
            resource: None,
            txn: self.txn.clone(),
            trace_id: self.facts.trace_id.clone(),
            source_ip: self.facts.source_ip.map(|ip| ip.to_string()),
            environment: gate.environment.clone(),
            gate: gate.site.clone(),
        }
    }

    /// The record that stands for housekeeping in headers; it is not logged.
    pub(super) fn lifecycle(&self, gate: &Gate) -> Record {
        self.record(&gate.bundle, gate, Reason::Lifecycle, 0)
    }

    /// A refusal of the request as a whole.
    pub(super) fn refuse(&self, gate: &Gate, denial: &Denial, id: Option<&Id>) -> Refusal {
        let mut record = self.record(&gate.bundle, gate, denial.reason, 0);
        record.detail.clone_from(&denial.detail);
        let refused = Refused { id, tool: None, advice: denial.advice.as_deref(), record: &record };
        Refusal { reply: unreadable(gate, &refused), records: vec![record] }
    }

    /// A refusal of a body that holds no message that may be decided.
    pub(super) fn refuse_message(&self, gate: &Gate, error: &MessageError) -> Refusal {
        let text = Some(error.message.clone());
        let denial = Denial { advice: text.clone(), detail: text, ..Denial::because(error.reason) };
        self.refuse(gate, &denial, error.id.as_ref())
    }

    pub(super) fn out_of_order(&self, gate: &Gate) -> Refusal {
        let detail = Some("events of the request came out of order".to_owned());
        self.refuse(gate, &Denial { detail, ..Denial::because(Reason::Internal) }, None)
    }
}
