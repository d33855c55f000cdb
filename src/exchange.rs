//! One HTTP exchange: events in, steps out. The only state machine of the gate.
//!
//! Headers are held until the body is decided, so of a refused request nothing reaches the
//! upstream. Whatever does not end in a permit ends in a refusal.

mod account;
mod messages;

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::bundle::Channel;
use crate::config::Gate;
use crate::decide::{self, Denial, Facts, Permits};
use crate::head::{Head, trimmed};
use crate::header;
use crate::identity::{self, Attested, Identity};
use crate::json;
use crate::mcp::{Housekeeping, MessageError, StandardHeaders};
use crate::reason::Reason;
use crate::record::Record;
use crate::refusal::{self, Refused, Reply};

use account::Account;

const OUT_OF_ORDER: &str = "events of the request came out of order";

/// What the edge knows when a request's headers are complete.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The header fields.
    pub head: Head,
    /// The verified identities, or why the proxy could not tell them.
    pub attested: Result<Attested, String>,
    /// The address of the downstream peer.
    pub source_ip: Option<IpAddr>,
    /// The time.
    pub time: DateTime<Utc>,
    /// Randomness for decision ids.
    pub entropy: u128,
}

impl Arrival {
    /// What policies and records may know of the request besides identity.
    pub fn facts(&self, environment: &str) -> Facts {
        let field = |name: &str| self.head.one(name).ok().flatten().unwrap_or_default();
        let path = field(":path");
        Facts {
            time: self.time,
            method: field(":method").to_owned(),
            path: path.split_once('?').map_or(path, |(path, _)| path).to_owned(),
            authority: field(":authority").to_owned(),
            source_ip: self.source_ip.map(|ip| ip.to_canonical()),
            trace_id: trace_id(field("traceparent")),
            environment: environment.to_owned(),
        }
    }
}

/// Something that happened to the request.
#[derive(Debug)]
pub enum Event<'a> {
    /// The headers are complete.
    Headers(Box<Arrival>),
    /// So many bytes of body are buffered, and more may come.
    Buffered(usize),
    /// The request is complete; this is all of its body.
    End(&'a [u8]),
}

/// What the edge must do next.
#[derive(Debug)]
pub enum Step {
    /// Hold the request and report what comes.
    AwaitBody,
    /// Let the request go to the upstream.
    Forward(Forward),
    /// Answer it here.
    Refuse(Refusal),
}

/// A request that may pass. It cannot be built without permits.
#[derive(Debug)]
pub struct Forward {
    /// The proof, one permit per message.
    pub permits: Permits,
    /// Changes to the request's headers, in this order.
    pub headers: Vec<HeaderChange>,
    /// The records of the calls; housekeeping has none.
    pub records: Vec<Record>,
}

/// A change to a request's headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderChange {
    /// Remove every field of this name.
    Remove(String),
    /// Make this the only field of its name.
    Set(&'static str, String),
}

/// A request that may not pass.
#[derive(Debug)]
pub struct Refusal {
    /// What the caller gets.
    pub reply: Reply,
    /// One record per message that was decided, or one for the request.
    pub records: Vec<Record>,
}

/// The state of one exchange.
#[derive(Debug, Default)]
pub struct Exchange {
    state: State,
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
struct Pending {
    account: Account,
    identity: Identity,
    channel: Channel,
    headers: StandardHeaders,
    /// `GET` and `DELETE` carry no message.
    bodiless: Option<Housekeeping>,
    /// Inbound fields that only the gate may set.
    forged: Vec<String>,
}

impl Exchange {
    /// The refusal of a request that the edge could not handle, with what is known about it.
    pub fn fail(&mut self, gate: &Gate, detail: &str) -> Refusal {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Awaiting(pending) => pending.account.fail(gate, detail),
            State::Fresh | State::Done => Account::unknown(gate).fail(gate, detail),
        }
    }

    /// Takes an event and tells what to do.
    pub fn step(&mut self, gate: &Gate, event: Event<'_>) -> Step {
        match (std::mem::replace(&mut self.state, State::Done), event) {
            (State::Fresh, Event::Headers(arrival)) => match Pending::open(gate, &arrival) {
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
            (State::Awaiting(pending), Event::End(body)) => pending.decide(gate, body),
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
        let path = account.facts.path.clone();
        let Some(channel) = gate.bundle.channel(&account.facts.authority, &path) else {
            return Err(refuse(&account, Denial::because(Reason::UnknownChannel)));
        };
        account.server = Some(channel.server.clone());
        let attested = match &arrival.attested {
            Ok(attested) => attested,
            Err(failure) => return Err(Box::new(account.fail(gate, failure))),
        };
        let identity = match identity::identify(&gate.bundle.identity, attested) {
            Ok(identity) => identity,
            Err(error) => {
                let detail = Some(error.to_string());
                let denial = Denial { detail, ..Denial::because(error.reason()) };
                return Err(refuse(&account, denial));
            }
        };
        account.identify(&identity);
        let tenant = identity.principal.tenant.as_ref();
        if tenant.is_some_and(|tenant| !gate.bundle.knows_tenant(tenant)) {
            return Err(refuse(&account, Denial::because(Reason::UnknownTenant)));
        }
        let bodiless = transport(&arrival.head, &account.facts, gate.bundle.limits.body_bytes)
            .map_err(|denial| refuse(&account, denial))?;
        let headers = StandardHeaders::read(&arrival.head)
            .map_err(|error| Box::new(account.refuse_message(gate, &error)))?;
        let forged = arrival.head.names_with_prefix(header::RESERVED);
        let forged = forged.into_iter().map(str::to_owned).collect();
        Ok(Self { account, identity, channel: channel.clone(), headers, bodiless, forged })
    }

    fn decide(self, gate: &Gate, body: &[u8]) -> Step {
        if body.len() > gate.bundle.limits.body_bytes {
            return Step::Refuse(self.too_large(gate));
        }
        match self.bodiless {
            Some(proof) if body.is_empty() => {
                let permit = decide::housekeeping(proof);
                Step::Forward(self.forward(gate, permit.into(), Vec::new()))
            }
            Some(_) => {
                let message = "this HTTP method has no body".to_owned();
                let error = MessageError::new(Reason::MalformedMessage, message);
                Step::Refuse(self.account.refuse_message(gate, &error))
            }
            None => match json::read(body, gate.bundle.limits.depth) {
                Ok(value) => self.decide_messages(gate, &value),
                Err(error) => {
                    let error = MessageError::new(Reason::MalformedBody, error.to_string());
                    Step::Refuse(self.account.refuse_message(gate, &error))
                }
            },
        }
    }

    fn forward(&self, gate: &Gate, permits: Permits, records: Vec<Record>) -> Forward {
        let removed = self.forged.iter().cloned().map(HeaderChange::Remove);
        let mut headers: Vec<HeaderChange> = removed.collect();
        let decision = if records.is_empty() {
            header::decision([&self.account.record(gate, Reason::Lifecycle, 0)])
        } else {
            header::decision(&records)
        };
        headers.push(HeaderChange::Set(header::DECISION, decision));
        headers.push(HeaderChange::Set(header::IDENTITY, self.account.who()));
        Forward { permits, headers, records }
    }

    fn too_large(&self, gate: &Gate) -> Refusal {
        self.account.refuse(gate, &Denial::because(Reason::BodyTooLarge), None)
    }
}

/// What HTTP says about the body before it is there.
fn transport(
    head: &Head,
    facts: &Facts,
    body_limit: usize,
) -> Result<Option<Housekeeping>, Denial> {
    let refused = |reason, detail: &str| {
        Err(Denial { detail: Some(detail.to_owned()), ..Denial::because(reason) })
    };
    // An upgraded connection carries bytes that no gate sees.
    if head.has("upgrade") || head.has(":protocol") {
        return refused(Reason::MethodNotAllowed, "upgrades are not allowed");
    }
    if let Some(proof) = Housekeeping::transport(&facts.method) {
        let streams = facts.method != "GET" || accepts_events(head);
        return if streams {
            Ok(Some(proof))
        } else {
            refused(Reason::MethodNotAllowed, "`GET` is only for event streams")
        };
    }
    if facts.method != "POST" {
        return refused(Reason::MethodNotAllowed, "the HTTP method is not POST, GET or DELETE");
    }
    if !is_json(head) {
        return refused(
            Reason::UnsupportedMediaType,
            "content-type is not application/json in UTF-8",
        );
    }
    let encoding = head.one("content-encoding");
    if !matches!(encoding, Ok(None)) && !encoding.is_ok_and(|e| is_identity(e)) {
        return refused(Reason::UnsupportedEncoding, "content-encoding is not identity");
    }
    let length = head.one("content-length").ok().flatten().and_then(|l| l.parse::<usize>().ok());
    if length.is_some_and(|length| length > body_limit) {
        return refused(Reason::BodyTooLarge, "content-length is beyond the limit");
    }
    Ok(None)
}

fn is_identity(encoding: Option<&str>) -> bool {
    encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("identity"))
}

fn accepts_events(head: &Head) -> bool {
    let mut ranges = head.all("accept").flat_map(|accept| accept.split(','));
    ranges.any(|range| {
        let essence = range.split(';').next().unwrap_or_default();
        trimmed(essence).eq_ignore_ascii_case("text/event-stream")
    })
}

/// One content type, `application/json`, with no parameter but `charset=utf-8`.
fn is_json(head: &Head) -> bool {
    let Ok(Some(content_type)) = head.one("content-type") else { return false };
    let mut parts = content_type.split(';').map(trimmed);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| {
            parameter.is_empty()
                || parameter.eq_ignore_ascii_case("charset=utf-8")
                || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

/// The trace id of a W3C `traceparent`, `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (_version, id) = (parts.next()?, parts.next()?);
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (id.len() == 32 && id.bytes().all(hex)).then(|| id.to_owned())
}

/// The reply to a request of which no message could be told apart.
fn unreadable(gate: &Gate, refused: &Refused<'_>) -> Reply {
    refusal::unreadable(refused, &gate.bundle.refusal)
}

#[cfg(test)]
mod tests;
