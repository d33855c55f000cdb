//! The response to a forwarded request, as far as the gate looks at it: events in, steps out.
//!
//! Only a response that can have a list that is filtered is looked at. A JSON body is held until it is
//! complete; of an event stream, one event at a time. A response that must be read and cannot be is
//! refused.

mod about_bytes;
mod entries;
mod learner;
mod lists;
mod look;
mod mask;
mod refusals;
mod room;
mod step;
mod trail;

use super::effects::HeaderChange;
use crate::gate::{ChangedTools, Gate};
use crate::head::{Head, trimmed};
use crate::json::{self, List, Value};
use crate::reason::Reason;
use crate::record::Record;
use crate::sse::{Data, Event, Splitter};

use entries::Viewer;
pub(super) use learner::{Learner, Learning};
use lists::Filtered;
pub(super) use look::{Look, call_facts};
use mask::Kept;
pub(super) use mask::{Mask, Others};
pub use room::Room;
pub use step::{ResponseEvent, ResponseStep};
pub use trail::Evidence;
use trail::Trail;

/// The state of a response that is looked at.
#[derive(Debug)]
pub(super) struct Response {
    trail: Trail,
    /// The header fields that describe the bytes of the body.
    described: Vec<&'static str>,
    state: State,
    /// What goes back through Envoy's buffer must fit into it.
    room: Room,
}

#[derive(Debug)]
enum State {
    Fresh,
    /// A JSON body, as far as it has arrived.
    Json(Vec<u8>),
    Stream(Splitter),
    /// A refusal takes the place of the body. A body can only be changed once it arrives.
    Refusing(ResponseStep),
    /// The rest is dropped.
    Refused,
}

/// What kind of body a response has.
enum Kind {
    Json,
    Stream,
    Other,
}

impl Response {
    /// The response to a request with these records.
    pub(super) fn new(look: Look, records: Vec<Record>) -> Self {
        let (state, room) = (State::Fresh, Room::default());
        Self { trail: Trail::new(look, records), described: Vec::new(), state, room }
    }

    /// The header changes without which the upstream could answer in an encoding that is not read.
    pub(super) fn request_headers() -> [HeaderChange; 1] {
        [HeaderChange::Set("accept-encoding", "identity".to_owned())]
    }

    /// Processes an event and returns the next step.
    pub(super) fn step(&mut self, gate: &Gate, event: ResponseEvent<'_>) -> ResponseStep {
        match (std::mem::replace(&mut self.state, State::Refused), event) {
            (State::Fresh, ResponseEvent::Headers(_, true, _)) => ResponseStep::Pass,
            (State::Fresh, ResponseEvent::Headers(head, false, room)) => {
                self.room = room;
                match self.begin(head) {
                    Ok(step) => step,
                    Err(detail) => {
                        let refusal = self.refused(gate, Reason::UnreadableResponse, detail);
                        self.state = State::Refusing(refusal);
                        ResponseStep::Hold
                    }
                }
            }
            (State::Json(mut held), ResponseEvent::Body(bytes, end, changed)) => {
                let size = held.len().saturating_add(bytes.len());
                if let Some(detail) = self.too_long(gate, size) {
                    return self.refused(gate, Reason::ResponseTooLarge, detail);
                }
                held.extend_from_slice(bytes);
                if end {
                    return self.whole(gate, held, changed);
                }
                self.state = State::Json(held);
                ResponseStep::Hold
            }
            (State::Stream(splitter), ResponseEvent::Body(bytes, _, changed)) => {
                self.events(gate, splitter, bytes, changed)
            }
            (State::Refusing(refusal), ResponseEvent::Body(..)) => refusal,
            (State::Refused, ResponseEvent::Body(..)) => send(Vec::new()),
            (State::Fresh, ResponseEvent::Body(..)) | (_, ResponseEvent::Headers(..)) => {
                self.refused(gate, Reason::Internal, "events of the response came out of order")
            }
        }
    }

    /// The error is why a response is refused.
    fn begin(&mut self, head: &Head) -> Result<ResponseStep, &'static str> {
        if self.trail.look.is_answered_elsewhere() {
            return Ok(without_body());
        }
        let kind = Kind::of(head);
        if let Kind::Other = kind {
            // Clients read no message in an error of another type.
            let is_success = head.one(":status").ok().flatten().is_some_and(|s| s.starts_with('2'));
            // Its status can mean a new session or another token to them.
            return match (is_success, self.is_masked()) {
                (true, _) => Err("it is neither JSON nor an event stream"),
                (false, true) => Ok(without_body()),
                (false, false) => Ok(ResponseStep::Pass),
            };
        }
        if is_encoded(head) {
            return Err("it is encoded");
        }
        self.described = about_bytes::of(head);
        if let Kind::Json = kind {
            self.state = State::Json(Vec::new());
            return Ok(ResponseStep::Hold);
        }
        self.state = State::Stream(Splitter::default());
        let headers = self.removed().chain([HeaderChange::Remove("content-length".to_owned())]);
        Ok(ResponseStep::Send { headers: headers.collect(), body: Vec::new(), evidence: None })
    }

    /// The removal of header fields that describe other bytes. Each is a host call.
    fn removed(&self) -> impl Iterator<Item = HeaderChange> {
        self.described.iter().map(|name| HeaderChange::Remove((*name).to_owned()))
    }

    /// A JSON body that is complete.
    fn whole(&mut self, gate: &Gate, body: Vec<u8>, changed: &ChangedTools) -> ResponseStep {
        if body.is_empty() {
            return send(body);
        }
        match self.filtered(gate, &body, changed) {
            Ok((filtered, changed)) => {
                if let Change::Message(message) = &changed
                    && let Some(detail) = self.too_long(gate, message.len())
                {
                    return self.refused(gate, Reason::ResponseTooLarge, detail);
                }
                let evidence = self.trail.lists(gate, &filtered);
                let body = match changed {
                    Change::Message(message) => message.into_bytes(),
                    Change::Nothing => {
                        return ResponseStep::Send { headers: Vec::new(), body, evidence };
                    }
                    Change::Dropped => Vec::new(),
                };
                let length = HeaderChange::Set("content-length", body.len().to_string());
                let headers = self.removed().chain([length]).collect();
                ResponseStep::Send { headers, body, evidence }
            }
            Err(detail) => self.refused(gate, Reason::UnreadableResponse, &detail),
        }
    }

    /// Why a JSON body of this size is not read.
    fn too_long(&self, gate: &Gate, size: usize) -> Option<&'static str> {
        let limits = gate.bundle.limits;
        if size > limits.response_bytes.min(limits.body_bytes) {
            Some("the body is too long")
        } else if size > self.room.bytes() {
            Some(self.room.exceeded())
        } else {
            None
        }
    }

    /// A refusal in place of a response of which nothing was sent.
    fn refused(&mut self, gate: &Gate, reason: Reason, detail: &str) -> ResponseStep {
        refusals::whole(&mut self.trail, gate, self.room, (reason, detail))
    }

    /// The next part of an event stream.
    fn events(
        &mut self,
        gate: &Gate,
        mut splitter: Splitter,
        bytes: &[u8],
        changed: &ChangedTools,
    ) -> ResponseStep {
        let (mut body, mut all) = (Vec::new(), None::<Evidence>);
        let mut add = |(events, evidence): (Vec<Event>, Option<Evidence>)| {
            for event in events {
                body.extend_from_slice(event.as_bytes());
            }
            all = Evidence::joined(all.take(), evidence);
        };
        for event in splitter.push(bytes) {
            add(self.event(gate, event, changed));
        }
        if splitter.held() > gate.bundle.limits.response_bytes {
            add(refusals::event(
                &mut self.trail,
                gate,
                Reason::ResponseTooLarge,
                "an event is too long",
            ));
        } else {
            self.state = State::Stream(splitter);
        }
        ResponseStep::Send { headers: Vec::new(), body, evidence: all }
    }

    /// One event, as the client gets it.
    fn event(
        &mut self,
        gate: &Gate,
        event: Event,
        changed: &ChangedTools,
    ) -> (Vec<Event>, Option<Evidence>) {
        // Some clients would read other events in one that is not written anew.
        let masked = self.is_masked() || event.has_other_lines();
        let filtered = match event.data() {
            Some(Data::None) if masked => return (vec![event.plain(None)], None),
            Some(Data::None) => return (vec![event], None),
            Some(Data::Message(message)) if message.is_empty() => {
                return (vec![if masked { event.plain(Some("")) } else { event }], None);
            }
            // One with another name is no message. The path for messages is no result.
            Some(Data::Other(_)) if masked => {
                let is_stream = self.trail.look.messages == 0;
                return (event.endpoint().filter(|_| is_stream).into_iter().collect(), None);
            }
            Some(Data::Message(message)) => self.filtered(gate, message.as_bytes(), changed),
            // Such as the path of an endpoint, which is no JSON.
            Some(Data::Other(data)) => match self.filtered(gate, data.as_bytes(), changed) {
                Ok(filtered) => Ok(filtered),
                Err(_) => return (vec![event], None),
            },
            None => Err("an event is not UTF-8".to_owned()),
        };
        match filtered {
            Ok((filtered, changed)) => {
                let events = match changed {
                    Change::Nothing => match event.data() {
                        Some(Data::Message(message)) if masked => vec![event.plain(Some(&message))],
                        _ => vec![event],
                    },
                    Change::Message(message) if masked => vec![event.plain(Some(&message))],
                    Change::Message(message) => vec![event.with_message(&message)],
                    Change::Dropped => Vec::new(),
                };
                (events, self.trail.lists(gate, &filtered))
            }
            Err(detail) => {
                refusals::event(&mut self.trail, gate, Reason::UnreadableResponse, &detail)
            }
        }
    }

    /// Filters the lists of a message. Returns what became of them, and the message if it differs.
    fn filtered(
        &mut self,
        gate: &Gate,
        bytes: &[u8],
        changed: &ChangedTools,
    ) -> Result<(Filtered, Change), String> {
        let limits = gate.bundle.limits;
        let values = limits.response_values();
        let listed = gate.bundle.listed(&self.trail.look.server);
        let known = |text: &str| listed.and_then(|listed| listed.extent(text));
        let list = List { path: ["result", "tools"], known: &known };
        let (mut message, texts): (Value<'_>, _) =
            json::read_message(bytes, limits.depth, values, list)
                .map_err(|error| error.to_string())?;
        let facts = self.trail.look.facts();
        let Look { server, sender, candidate, .. } = &self.trail.look;
        let candidate = gate.candidate.as_deref().zip(candidate.as_deref());
        let viewer = Viewer { gate, server, sender, facts: &facts, changed, candidate };
        let filtered = viewer.filter(&mut message, &texts);
        if filtered.is_too_long {
            return Err("a list has too many entries".to_owned());
        }
        if self.is_masked() {
            if self.trail.look.mask.apply(&mut message, limits)? == Kept::Nothing {
                return Ok((filtered, Change::Dropped));
            }
        } else if !filtered.is_changed {
            return Ok((filtered, Change::Nothing));
        }
        Ok((filtered, Change::Message(message.to_json(bytes.len()))))
    }

    /// Whether parts of results are withheld, so that nothing passes that is not read.
    fn is_masked(&self) -> bool {
        !self.trail.look.mask.is_empty()
    }
}

/// What becomes of a message of the upstream.
enum Change {
    /// It stays byte for byte.
    Nothing,
    /// This takes its place.
    Message(String),
    /// It is dropped.
    Dropped,
}

/// The response with its status and without its body, whose parts are dropped.
fn without_body() -> ResponseStep {
    let names = ["content-encoding", "content-length"];
    let removed = names.map(|name| HeaderChange::Remove(name.to_owned()));
    let headers = about_bytes::removed().chain(removed).collect();
    ResponseStep::Send { headers, body: Vec::new(), evidence: None }
}

fn send(body: Vec<u8>) -> ResponseStep {
    ResponseStep::Send { headers: Vec::new(), body, evidence: None }
}

/// Whether a body is in an encoding that is not read.
fn is_encoded(head: &Head) -> bool {
    let encoding = head.one("content-encoding");
    !matches!(encoding, Ok(None)) && !encoding.is_ok_and(|e| e == Some("identity"))
}

impl Kind {
    fn of(head: &Head) -> Self {
        let Ok(Some(content_type)) = head.one("content-type") else { return Self::Other };
        let essence = trimmed(content_type.split(';').next().unwrap_or_default());
        if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case("text/event-stream") {
            Self::Stream
        } else {
            Self::Other
        }
    }
}
