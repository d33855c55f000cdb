//! Refusals of responses that cannot be read.

use super::room::Room;
use super::step::ResponseStep;
use super::trail::{Evidence, Trail};
use crate::exchange::effects::HeaderChange;
use crate::gate::Gate;
use crate::mcp::Id;
use crate::reason::Reason;
use crate::record::Draft;
use crate::refusal::{self, Form, Refused, Reply};
use crate::sse::Event;

/// Header fields that describe another body.
const ABOUT_BODY: [&str; 4] =
    ["content-encoding", "content-language", "content-length", "content-range"];

/// A refusal in place of a response of which nothing was sent.
pub(super) fn whole(
    trail: &mut Trail,
    gate: &Gate,
    room: Room,
    (reason, detail): (Reason, &str),
) -> ResponseStep {
    let (draft, evidence) = trail.refusal(gate, reason, detail);
    let fits = |reply: &Reply| reply.body.len() <= room.bytes();
    let mut reply = reply(gate, &draft, &trail.look.ids, trail.look.form);
    if !fits(&reply) {
        reply = refusal::as_http_error(&Refused::because_of(&draft), &gate.bundle);
    }
    if !fits(&reply) {
        reply.body.clear();
    }
    let removed = ABOUT_BODY.into_iter().map(|name| HeaderChange::Remove(name.to_owned()));
    let status = HeaderChange::Set(":status", reply.status.to_string());
    let length = HeaderChange::Set("content-length", reply.body.len().to_string());
    let set = reply.headers.into_iter().map(|(name, value)| HeaderChange::Set(name, value));
    let headers = super::about_bytes::removed().chain(removed).chain([status, length]).chain(set);
    ResponseStep::Send { headers: headers.collect(), body: reply.body, evidence: Some(evidence) }
}

/// Refusals in place of one event: a response to each request that waits for one.
pub(super) fn event(
    trail: &mut Trail,
    gate: &Gate,
    reason: Reason,
    detail: &str,
) -> (Vec<Event>, Option<Evidence>) {
    let (draft, evidence) = trail.refusal(gate, reason, detail);
    let form = Form { batch: false, ..trail.look.form };
    let event = |id: &Id| {
        let reply = reply(gate, &draft, std::slice::from_ref(id), form);
        Event::of(&String::from_utf8_lossy(&reply.body))
    };
    (trail.look.ids.iter().map(event).collect(), Some(evidence))
}

/// The reply with these ids.
fn reply(gate: &Gate, draft: &Draft, ids: &[Id], form: Form) -> Reply {
    let refused = |id| Refused { id, ..Refused::because_of(draft) };
    if ids.is_empty() {
        return refusal::as_http_error(&refused(None), &gate.bundle);
    }
    let each: Vec<Refused<'_>> = ids.iter().map(|id| refused(Some(id))).collect();
    refusal::in_style(&each, form, &gate.bundle)
}
