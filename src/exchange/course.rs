//! One bundle's way through a request: who asks, what is in the body, what is decided.

use std::rc::Rc;

use super::account::Account;
use super::sender::Sender;
use super::transport::transport;
use super::{Arrival, Event, Forward, HeaderChange, Refusal, Step};
use crate::config::Gate;
use crate::decide::{self, Denial, Permits};
use crate::header;
use crate::json;
use crate::mcp::{Housekeeping, MessageError, StandardHeaders};
use crate::reason::Reason;
use crate::record::Record;

const OUT_OF_ORDER: &str = "events of the request came out of order";

/// What there must be a record of when a request passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// Every call.
    ForCalls,
    /// Housekeeping too.
    ForAll,
}

/// How far one bundle is with a request.
#[derive(Debug, Default)]
pub(super) struct Course {
    state: State,
    /// Inbound fields that only the gate may set.
    forged: Vec<String>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Fresh,
    Awaiting(Box<Pending>),
    Done,
}

/// A request whose sender is known and whose body is not.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) account: Account,
    pub(super) sender: Rc<Sender>,
    pub(super) server: Rc<str>,
    pub(super) headers: StandardHeaders,
    /// `GET` and `DELETE` carry no message.
    bodiless: Option<Housekeeping>,
}

impl Course {
    /// The refusal of a request that the edge could not handle, with what is known about it.
    pub(super) fn fail(&mut self, gate: &Gate, detail: &str) -> Refusal {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Awaiting(pending) => pending.account.fail(gate, detail),
            State::Fresh | State::Done => Account::unknown(gate).fail(gate, detail),
        }
    }

    /// Takes an event and tells what this bundle has to say. What a bundle in shadow would refuse
    /// passes; only where the gate itself failed, nothing does.
    pub(super) fn step(&mut self, gate: &Gate, event: Event<'_>, asked: Asked) -> Step {
        if let Event::Headers(arrival) = event {
            let forged = arrival.head.names_with_prefix(header::RESERVED);
            self.forged = forged.into_iter().map(str::to_owned).collect();
        }
        match (self.advance(gate, event, asked), gate.bundle.shadow) {
            (Step::Refuse(refusal), Some(proof)) if !refusal.is_failure() => {
                Step::Forward(Forward::watched(proof, refusal.records))
            }
            (Step::Forward(forward), Some(proof)) if !forward.records.is_empty() => {
                Step::Forward(Forward::watched(proof, forward.records))
            }
            (step, _) => step,
        }
        .without(&self.forged)
    }

    fn advance(&mut self, gate: &Gate, event: Event<'_>, asked: Asked) -> Step {
        match (std::mem::replace(&mut self.state, State::Done), event) {
            (State::Fresh, Event::Headers(arrival)) => match Pending::open(gate, arrival) {
                Ok(pending) => {
                    self.state = State::Awaiting(Box::new(pending));
                    Step::AwaitBody
                }
                Err(refusal) => Step::Refuse(*refusal),
            },
            (State::Awaiting(pending), Event::Buffered(size)) => {
                if size > gate.bundle.limits.body_bytes {
                    return Step::Refuse(pending.too_large(gate));
                }
                self.state = State::Awaiting(pending);
                Step::AwaitBody
            }
            (State::Awaiting(pending), Event::End(body)) => pending.decide(gate, body, asked),
            (State::Awaiting(pending), Event::Headers(_)) => {
                Step::Refuse(pending.account.fail(gate, OUT_OF_ORDER))
            }
            (State::Fresh | State::Done, _) => {
                Step::Refuse(Account::unknown(gate).fail(gate, OUT_OF_ORDER))
            }
        }
    }
}

impl Pending {
    /// Everything that can be refused before the body is there.
    fn open(gate: &Gate, arrival: &Arrival) -> Result<Self, Box<Refusal>> {
        let mut account = Account::open(gate, arrival);
        let refuse =
            |account: &Account, denial: Denial| Box::new(account.refuse(gate, &denial, None));
        let Some(channel) = gate.bundle.channel(&account.facts.authority, &account.facts.path)
        else {
            return Err(refuse(&account, Denial::because(Reason::UnknownChannel)));
        };
        let server = Rc::clone(&channel.server);
        account.server = Some(Rc::clone(&server));
        let evidence = match &arrival.evidence {
            Ok(evidence) => evidence,
            Err(failure) => return Err(Box::new(account.fail(gate, failure))),
        };
        let sender = match gate.senders.identify(&gate.bundle, evidence) {
            Ok(sender) => sender,
            Err(error) => {
                let detail = Some(error.to_string());
                let denial = Denial { detail, ..Denial::because(error.reason()) };
                return Err(refuse(&account, denial));
            }
        };
        account.identify(&sender);
        let tenant = sender.identity.principal.tenant.as_ref();
        if tenant.is_some_and(|tenant| !gate.bundle.knows_tenant(tenant)) {
            return Err(refuse(&account, Denial::because(Reason::UnknownTenant)));
        }
        let bodiless = transport(&arrival.head, &account.facts, gate.bundle.limits.body_bytes)
            .map_err(|denial| refuse(&account, denial))?;
        let headers = StandardHeaders::read(&arrival.head)
            .map_err(|error| Box::new(account.refuse_message(gate, &error)))?;
        Ok(Self { account, sender, server, headers, bodiless })
    }

    fn decide(self, gate: &Gate, body: &[u8], asked: Asked) -> Step {
        if body.len() > gate.bundle.limits.body_bytes {
            return Step::Refuse(self.too_large(gate));
        }
        match self.bodiless {
            Some(proof) if body.is_empty() => {
                let permit = decide::housekeeping(proof);
                Step::Forward(self.forward(gate, permit.into(), Vec::new(), asked))
            }
            Some(_) => {
                let message = "this HTTP method has no body".to_owned();
                let error = MessageError::new(Reason::MalformedMessage, message);
                Step::Refuse(self.account.refuse_message(gate, &error))
            }
            None => match json::read(body, gate.bundle.limits.depth) {
                Ok(value) => self.decide_messages(gate, &value, asked),
                Err(error) => {
                    let error = MessageError::new(Reason::MalformedBody, error.to_string());
                    Step::Refuse(self.account.refuse_message(gate, &error))
                }
            },
        }
    }

    /// Housekeeping has a record only where somebody asks for it.
    pub(super) fn forward(
        &self,
        gate: &Gate,
        permits: Permits,
        mut records: Vec<Record>,
        asked: Asked,
    ) -> Forward {
        let calls = records.len();
        if records.is_empty() {
            records.push(self.account.record(gate, Reason::Lifecycle, 0));
        }
        let headers = vec![
            HeaderChange::Set(header::DECISION, header::decision(&records)),
            HeaderChange::Set(header::IDENTITY, self.sender.header.clone()),
        ];
        if calls == 0 && asked == Asked::ForCalls {
            records.clear();
        }
        Forward { permits, headers, records }
    }

    fn too_large(&self, gate: &Gate) -> Refusal {
        self.account.refuse(gate, &Denial::because(Reason::BodyTooLarge), None)
    }
}
