//! The draft of a record: what is known about a message before the record is finished.

use std::borrow::Cow;
use std::sync::Arc;

use super::{CandidateField, InnerField, Outcome, Record, SCHEMA, decision_id};
use crate::bundle::Mode;
use crate::decide::{ApprovalField, Facts, Revealed};
use crate::digest::Digest;
use crate::gate::{Gate, Sender};
use crate::identity::Identity;
use crate::json::{Rendered, cut};
use crate::memory::Spending;
use crate::reason::Reason;
use crate::timestamp::timestamp;
use crate::tool::Noted;

/// The part of the drafts that all messages of one request share.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The facts observed by the proxy.
    pub(crate) facts: Facts,
    /// Randomness for decision ids.
    pub(crate) entropy: u128,
    /// The tool server, once the channel is known.
    pub(crate) server: Option<Arc<str>>,
    /// The sender, once it is known.
    pub(crate) sender: Option<Arc<Sender>>,
}

/// The fields of a call, apart from identity and decision.
#[derive(Debug, Default)]
pub(crate) struct CallFields {
    pub(crate) tool: Arc<str>,
    pub(crate) tool_name: Option<Arc<str>>,
    /// Whether the tool is in the inventory.
    pub(crate) known: bool,
    pub(crate) classes: Arc<[String]>,
    pub(crate) data_class: Option<Arc<str>>,
    pub(crate) operation: Option<Arc<str>>,
    pub(crate) cost: Option<u32>,
    pub(crate) arguments: Option<Rendered>,
    pub(crate) arguments_digest: Option<Digest>,
    pub(crate) resource: Option<Arc<str>>,
    pub(crate) revealed: Arc<[String]>,
    pub(crate) masked: Arc<[String]>,
    pub(crate) budgets: Vec<Spending>,
    /// Who has approved the call.
    pub(crate) approval: Option<Box<ApprovalField>>,
    /// The fields of its inner call.
    pub(crate) inner: Option<Box<CallFields>>,
}

impl CallFields {
    /// The fields that follow from the tool.
    pub(crate) fn of(noted: &Noted) -> Self {
        let Noted { name, wire_name, classes, data_class, operation, cost } = noted;
        Self {
            tool: Arc::clone(name),
            tool_name: wire_name.clone(),
            known: true,
            classes: Arc::clone(classes),
            data_class: data_class.clone(),
            operation: operation.clone(),
            cost: *cost,
            ..Self::default()
        }
    }

    /// Adds the labels of the result. Most calls have none.
    pub(crate) fn add_labels(&mut self, labels: &Revealed) {
        if !labels.is_empty() {
            self.revealed = labels.shown().collect();
            self.masked = labels.withheld().collect();
        }
    }
}

/// A message, or a request as a whole, and the bundle's decision about it.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The decision id.
    pub(crate) id: String,
    /// The position of the message in the body.
    pub(crate) index: usize,
    /// The outcome in force.
    pub(crate) outcome: Outcome,
    /// The outcome with shadow policies enforced; `None` if there are none.
    shadow: Option<Outcome>,
    mode: Mode,
    request: Arc<Request>,
    method: Option<Cow<'static, str>>,
    call: Option<CallFields>,
}

impl Draft {
    /// The draft for the `index`-th message of a request.
    pub(crate) fn new(
        request: &Arc<Request>,
        index: usize,
        outcome: Outcome,
        shadow: Option<Outcome>,
    ) -> Self {
        Self {
            id: decision_id(request.facts.time, request.entropy, index),
            index,
            outcome,
            shadow,
            mode: Mode::Enforce,
            request: Arc::clone(request),
            method: None,
            call: None,
        }
    }

    /// Adds the method, and the call's fields if the message is a call.
    #[must_use]
    pub(crate) fn about(self, method: Option<Cow<'static, str>>, call: Option<CallFields>) -> Self {
        Self { method, call, ..self }
    }

    /// The draft under a bundle in shadow: the current outcome becomes the shadow outcome, and
    /// `outcome` takes its place.
    #[must_use]
    pub(crate) fn in_shadow(self) -> Self {
        let outcome = Outcome::because(Reason::Shadow);
        Self { mode: Mode::Shadow, shadow: Some(self.outcome), outcome, ..self }
    }

    /// Whether the message is a tool call.
    pub(crate) fn is_call(&self) -> bool {
        self.call.is_some()
    }

    /// The parts of a record about a call that are asserted to its server: its method, and its fields.
    pub(crate) fn asserted(&self) -> Option<(&str, &CallFields)> {
        Some((self.method.as_deref()?, self.call.as_ref()?))
    }

    /// What the message shares with the others of its request.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// The sender, if it is known.
    pub(crate) fn sender(&self) -> Option<&Sender> {
        self.request.sender.as_deref()
    }

    /// Creates the record from the draft and the candidate's outcome.
    pub(crate) fn finish(self, gate: &Gate, candidate: Option<CandidateField>) -> Record {
        let Self { id, outcome, shadow, mode, request, method, call, .. } = self;
        let Request { facts, server, sender, .. } = &*request;
        let tool = call.as_ref().map(|call| Arc::clone(&call.tool));
        let call = call.unwrap_or_default();
        let identity = sender.as_ref().map(|sender| &sender.identity);
        Record {
            schema: SCHEMA,
            time: timestamp(facts.time),
            id,
            event_class: outcome.reason.event_class(),
            decision: outcome.decision(),
            reason: outcome.reason,
            detail: outcome.detail,
            policies: outcome.policies,
            layer: outcome.layer,
            party: outcome.party,
            mode,
            bundle: gate.bundle.id.clone(),
            shadow_decision: shadow.as_ref().map(Outcome::decision),
            shadow,
            candidate_decision: candidate.as_ref().map(|candidate| candidate.outcome.decision()),
            candidate,
            principal: sender.as_ref().map(|sender| sender.principal.clone()),
            actor: sender.as_ref().and_then(|sender| sender.actor.clone()),
            token: sender.as_ref().and_then(|sender| sender.token.clone()),
            capabilities: sender.as_ref().and_then(|sender| sender.capabilities.clone()),
            authority: cut(&facts.authority).into_owned(),
            path: cut(&facts.path).into_owned(),
            server: server.clone(),
            tool,
            tool_name: call.tool_name,
            method,
            classes: call.classes,
            data_class: call.data_class,
            operation: call.operation,
            cost: call.cost,
            arguments: call.arguments,
            arguments_digest: call.arguments_digest,
            resource: call.resource,
            revealed: call.revealed,
            masked: call.masked,
            budgets: call.budgets,
            approval: call.approval,
            inner: call.inner.map(|inner| Box::new(InnerField::from(*inner))),
            txn: identity.and_then(Identity::txn).map(str::to_owned),
            trace_id: facts.trace_id.clone(),
            source_ip: facts.source_ip,
            environment: Arc::clone(&gate.environment),
            gate: gate.id.clone(),
            known: call.known,
        }
    }
}

impl From<CallFields> for InnerField {
    fn from(call: CallFields) -> Self {
        Self {
            tool: call.tool,
            tool_name: call.tool_name,
            classes: call.classes,
            data_class: call.data_class,
            operation: call.operation,
            cost: call.cost,
            arguments: call.arguments,
            arguments_digest: call.arguments_digest,
            resource: call.resource,
        }
    }
}
