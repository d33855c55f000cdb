//! Refusals before the body arrives, and the state of a request that waits for its body.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::asking::{Answers, Asking};
use super::decided::Decided;
use super::effects::Ending;
use super::event_stream::EventStream;
use super::preflight::{LONGEST_DRAINED, announced, preflight};
use super::presented::Presented;
use super::response::{Look, Mask, Others, call_facts};
use super::{Arrival, Consulted, Observer, session};
use crate::approval::Heard;
use crate::bundle::Channel;
use crate::decide::{self, Denial};
use crate::gate::{ChangedTools, Gate, Sender};
use crate::identity::{self, IdentityError};
use crate::json::{self, JsonError};
use crate::mcp::{Housekeeping, Id, MessageError, Recovered, Recovery, Revision, StandardHeaders};
use crate::memory::{Owners, Recalled, Slot};
use crate::reason::Reason;
use crate::record::{Draft, Outcome, Request};
use crate::refusal::{self, Form, Refused, Reply};

/// A request with a known sender whose body has not arrived.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) request: Arc<Request>,
    pub(super) sender: Arc<Sender>,
    pub(super) server: Arc<str>,
    pub(super) changed: Arc<ChangedTools>,
    /// The standard headers, or the error about them, which is told with the id of the body.
    headers: Headers,
    /// The announced length of the body.
    announced: usize,
    /// The proof for `GET` and `DELETE`, which carry no message.
    bodiless: Option<Housekeeping>,
    /// Where the request is answered, if not in reply to it.
    stream: Option<EventStream>,
    /// Whether it asks for what it has missed of another response.
    resumes: bool,
    /// The server's id of the session, which is the caller's.
    pub(super) session: Option<String>,
    /// What is remembered, once it is read.
    pub(super) recalled: Option<Rc<Recalled>>,
    /// What services have said.
    pub(super) answers: Answers,
    /// The approval that the request has brought, or that the approval service has given.
    pub(super) approval: Option<Presented>,
}

/// How much of a refused body has arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrived {
    /// All of it.
    Wholly,
    /// A part of it. Nothing can take its place: the rest would follow.
    Partly,
}

/// Why a request is refused before its body arrives.
pub(super) enum Early {
    Denied(Denial),
    Failed(String),
}

impl From<Denial> for Early {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl Early {
    /// The refusal, with the known fields of the request.
    pub(super) fn refuse(self, gate: &Gate, request: &Arc<Request>) -> Decided {
        match self {
            Self::Denied(denial) => refused(gate, request, &denial),
            Self::Failed(detail) => failed(gate, request, &detail),
        }
    }
}

/// The known fields of a request when its headers are complete, and the pending request or an early
/// refusal.
pub(super) fn open(gate: &Gate, arrival: &Arrival) -> (Arc<Request>, Result<Pending, Early>) {
    let (facts, entropy) = (arrival.facts(&gate.environment), arrival.entropy);
    let mut request = Request { facts, entropy, server: None, sender: None };
    let looked = look(gate, arrival, &mut request);
    let request = Arc::new(request);
    let pending = looked.map(|(channel, sender, headers, bodiless, session)| Pending {
        approval: Presented::by(gate, arrival),
        request: Arc::clone(&request),
        sender,
        server: Arc::clone(&channel.server),
        changed: Arc::clone(&arrival.changed),
        headers,
        announced: announced(&arrival.head),
        bodiless,
        stream: EventStream::of(channel, &arrival.head),
        resumes: arrival.head.has("last-event-id"),
        session,
        recalled: None,
        answers: Answers::default(),
    });
    (request, pending)
}

type Headers = Result<StandardHeaders, MessageError>;
type Looked<'a> = (&'a Channel, Arc<Sender>, Headers, Option<Housekeeping>, Option<String>);

/// All checks that do not need the body, in this order.
fn look<'a>(gate: &'a Gate, arrival: &Arrival, request: &mut Request) -> Result<Looked<'a>, Early> {
    let channel = gate.bundle.channel(&request.facts.authority, &request.facts.path);
    let channel = channel.ok_or_else(|| Denial::because(Reason::UnknownChannel))?;
    request.server = Some(Arc::clone(&channel.server));
    let evidence = arrival.evidence.as_ref().map_err(|failure| Early::Failed(failure.clone()))?;
    let evidence = identity::behind(&gate.bundle.identity, evidence, &arrival.head);
    let sender = evidence.and_then(|evidence| gate.senders.identify(&gate.bundle, &evidence));
    let sender = sender.map_err(|error| unidentified(&error))?;
    request.sender = Some(Arc::clone(&sender));
    let (mapping, capabilities) = (&gate.bundle.identity, &sender.identity.capabilities);
    identity::check_headers(mapping, capabilities, &arrival.head)
        .and_then(|()| capabilities.valid_at(request.facts.time.timestamp()))
        .map_err(|error| unidentified(&error))?;
    let tenant = sender.identity.principal.tenant.as_ref();
    if tenant.is_some_and(|tenant| !gate.bundle.knows_tenant(tenant)) {
        return Err(Denial::because(Reason::UnknownTenant).into());
    }
    let session = session::of(gate, &arrival.head, &channel.server, &sender)?;
    let limit = gate.bundle.limits.body_bytes;
    let longest = if gate.bundle.shadow.is_some() { limit } else { limit.max(LONGEST_DRAINED) };
    let bodiless = preflight(&arrival.head, &request.facts, longest)?;
    let headers = StandardHeaders::read(&arrival.head);
    Ok((channel, sender, headers, bodiless, session))
}

/// The denial of a request whose sender is not who may send it.
fn unidentified(error: &IdentityError) -> Denial {
    Denial { detail: Some(error.to_string()), ..Denial::because(error.reason()) }
}

impl Pending {
    /// The slots of memory to read before the end of the request.
    pub(super) fn slots(&self) -> Cow<'_, [Slot]> {
        let slots = self.sender.owners.as_ref().map(Owners::slots).unwrap_or_default();
        match self.approval.as_ref().and_then(Presented::slot) {
            Some(further) => Cow::Owned([slots, &[further]].concat()),
            None => Cow::Borrowed(slots),
        }
    }

    /// Takes the answer of a service; returns whether it is to what was asked.
    pub(super) fn consulted(&mut self, gate: &Gate, asked: Asking, answer: &Consulted) -> bool {
        if let Consulted::Approval(Heard::Decided(approval)) = answer {
            self.approval = Presented::signed(gate, approval);
        }
        self.answers.add(asked, answer)
    }

    /// Decides a request whose body is complete.
    pub(super) fn decide(
        &self,
        gate: &Gate,
        body: &[u8],
        observer: Option<&dyn Observer>,
    ) -> Decided {
        let limits = gate.bundle.limits;
        if body.len().max(self.announced) > limits.body_bytes {
            let mut recovery = Recovery::default();
            recovery.push(body);
            return self.too_large(gate, recovery, Arrived::Wholly);
        }
        let headers = match &self.headers {
            Ok(headers) => headers,
            Err(error) => return self.unreadable(gate, error, body),
        };
        match self.bodiless {
            Some(proof) if body.is_empty() => {
                let draft = draft(gate, &self.request, Outcome::because(Reason::Lifecycle));
                let decided = Decided::housekeeping(decide::housekeeping(proof).into(), draft);
                // The end of a session has no message in return.
                let has_stream = self.request.facts.method == "GET";
                let resumed = has_stream && self.resumes;
                let resumed = resumed.then(|| (None, self.of_resumed_stream(gate)));
                decided
                    .with_look(has_stream.then(|| self.look_at_stream(gate)))
                    .learning(resumed.into_iter().collect())
            }
            Some(_) => {
                let message = "this HTTP method has no body".to_owned();
                let error = MessageError::new(Reason::MalformedMessage, message);
                self.unreadable(gate, &error, &[])
            }
            None => match json::read_body(body, limits.depth, limits.values) {
                Ok(value) => self
                    .decide_messages(gate, headers, &value, observer)
                    .unwrap_or_else(|error| self.unreadable(gate, &error, body)),
                Err(error) => {
                    let reason = if let JsonError::TooManyValues(_) = error {
                        Reason::TooManyValues
                    } else {
                        Reason::MalformedBody
                    };
                    self.unreadable(gate, &MessageError::new(reason, error.to_string()), body)
                }
            },
        }
    }

    /// The refusal of a body in which no message can be decided.
    fn unreadable(&self, gate: &Gate, error: &MessageError, body: &[u8]) -> Decided {
        let mut recovery = Recovery::default();
        recovery.push(body);
        self.recovered(gate, error, recovery, Arrived::Wholly)
    }

    /// The refusal of a body that is too large.
    pub(super) fn too_large(&self, gate: &Gate, recovery: Recovery, arrived: Arrived) -> Decided {
        let message = format!("the body has more than {} bytes", gate.bundle.limits.body_bytes);
        let error = MessageError::new(Reason::BodyTooLarge, message);
        self.recovered(gate, &error, recovery, arrived)
    }

    /// The refusal of a body with the ids that could be recovered from it. The record of a single
    /// message has its method and tool.
    fn recovered(
        &self,
        gate: &Gate,
        error: &MessageError,
        recovery: Recovery,
        arrived: Arrived,
    ) -> Decided {
        let (messages, batch) = recovery.finish().unwrap_or_default();
        let detail = Some(error.message.clone());
        let draft =
            draft(gate, &self.request, Outcome { detail, ..Outcome::because(error.reason) });
        let draft = match messages.as_slice() {
            [only] => {
                let method = only.method().map(|method| json::cut(method).into_owned().into());
                let tool = only.tool().filter(|tool| !tool.is_empty());
                draft.about(method, tool.map(|tool| self.tool_fields(gate, tool)))
            }
            _ => draft,
        };
        let ids = messages.iter().filter_map(Recovered::request_id);
        let reply = |form: Form| refusal::unreadable(&draft, error, &messages, form, &gate.bundle);
        let ending = match arrived {
            Arrived::Wholly => self.ending(ids, batch, reply),
            Arrived::Partly => Ending::Reply(reply(self.form(batch))),
        };
        Decided::refused(ending, draft)
    }

    /// A look at the response to messages, some of which have these ids.
    pub(super) fn look(
        &self,
        method: Option<&'static str>,
        messages: usize,
        ids: Vec<Id>,
        batch: bool,
    ) -> Look {
        let (request, sender) = (Arc::clone(&self.request), Arc::clone(&self.sender));
        let (server, form) = (Arc::clone(&self.server), self.form(batch));
        let mask = Mask::default();
        Look { request, sender, candidate: None, server, messages, method, ids, form, mask }
    }

    /// A look at a stream that has responses to other requests, in which any labelled tool of the
    /// server can have a result.
    fn look_at_stream(&self, gate: &Gate) -> Look {
        let mut mask = Mask::default();
        self.withhold_of_any_call(gate, &mut mask);
        let mask = mask.beside(Others::Any);
        Look { mask, ..self.look(None, 0, Vec::new(), false) }
    }

    /// Withholds every result if it can be that of a call with a label that is not always revealed:
    /// of a labelled tool of the server, or of one that its tools run.
    pub(super) fn withhold_of_any_call(&self, gate: &Gate, mask: &mut Mask) {
        let (bundle, identity) = (&gate.bundle, &self.sender.identity);
        let facts = call_facts(&self.request.facts);
        let tools = bundle.tools_behind(&self.server);
        for tool in tools.filter(|tool| !tool.labels().is_empty()) {
            let withheld = match &self.sender.caller {
                Some(caller) => decide::withheld_from_some(bundle, identity, caller, tool, &facts),
                None => tool.labels().iter().map(|label| Arc::clone(&label.name)).collect(),
            };
            mask.add_everything(&withheld);
        }
    }

    /// How the request ends that has arrived wholly and is refused: with a message for these ids in
    /// its place where answers come on an event stream, and else with the reply.
    pub(super) fn ending<'a>(
        &self,
        ids: impl Iterator<Item = &'a Id>,
        batch: bool,
        reply: impl FnOnce(Form) -> Reply,
    ) -> Ending {
        let stream = self.stream.as_ref();
        let replaced = stream.and_then(|stream| stream.ending(&ids.collect::<Vec<_>>(), batch));
        replaced.unwrap_or_else(|| Ending::Reply(reply(self.form(batch))))
    }

    /// Whether the request is answered on a stream of its own.
    pub(super) fn answers_on_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// The revision of the protocol that the headers name.
    pub(super) fn revision(&self) -> Option<Revision> {
        self.headers.as_ref().ok().and_then(|headers| headers.revision)
    }

    /// The form of a reply.
    fn form(&self, batch: bool) -> Form {
        let modern = self.headers.as_ref().is_ok_and(StandardHeaders::is_modern);
        Form { batch, modern, streamed: self.stream.is_some() }
    }
}

/// The refusal for a failure of the gate itself.
pub(super) fn failed(gate: &Gate, request: &Arc<Request>, detail: &str) -> Decided {
    let detail = Some(detail.to_owned());
    refused(gate, request, &Denial { detail, ..Denial::because(Reason::Internal) })
}

/// The refusal of a request as a whole.
fn refused(gate: &Gate, request: &Arc<Request>, denial: &Denial) -> Decided {
    let draft = draft(gate, request, Outcome::from(denial));
    let advice = denial.advice.as_deref();
    let refused = Refused { advice, ..Refused::because_of(&draft) };
    let reply = refusal::as_http_error(&refused, &gate.bundle);
    Decided::refused(Ending::Reply(reply), draft)
}

/// The draft of a request as a whole, for which shadow policies have the same outcome.
pub(super) fn draft(gate: &Gate, request: &Arc<Request>, outcome: Outcome) -> Draft {
    let refused = outcome.reason.is_refusal() && gate.bundle.staged.is_some();
    let shadow = refused.then(|| outcome.clone());
    Draft::new(request, 0, outcome, shadow)
}
