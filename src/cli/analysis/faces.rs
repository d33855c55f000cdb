//! What a caller sees in a list of tools, and gets back of a result.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::run::millis;
use crate::bundle::Bundle;
use crate::cli::input::cases::Identity;
use crate::decide::{self, Facts};
use crate::exchange::{Arrival, Ending, Event, Exchange, ResponseEvent, ResponseStep, Room, Step};
use crate::gate::{Caller, ChangedTools, Gate};
use crate::head::Head;
use crate::identity::identify;
use crate::memory::Store;

/// The tools that the answer to a caller's `tools/list` has, by their names in the bundle, if the
/// server offers what the bundle pins.
///
/// # Errors
///
/// Why there is no such answer.
pub(in crate::cli) fn list(
    bundle: &Bundle,
    environment: &Arc<str>,
    identity: Option<&Identity>,
    arrival: &Arrival,
) -> Result<BTreeSet<String>, String> {
    let facts = arrival.facts(environment);
    let channel = bundle.channel(&facts.authority, &facts.path);
    let channel = channel.ok_or_else(|| format!("there is no channel at `{}`", facts.path))?;
    let attested = identity.map(Identity::attested).unwrap_or_default();
    let identity = identify(&bundle.identity, &attested).map_err(|error| error.to_string())?;
    let caller = Caller::new(bundle, &identity).ok_or("the caller cannot be an entity")?;
    let (caller, facts) = (Arc::new(caller), Facts { method: "POST".to_owned(), ..facts });
    let tools = bundle
        .tools_of(&channel.server)
        .filter(|tool| decide::list(bundle, &identity, &caller, tool, &facts).outcome.is_ok());
    Ok(tools.map(|tool| tool.name().to_owned()).collect())
}

/// What a caller gets of this result of its request, after what is remembered: the result, or the response as a whole if that
/// is an error.
///
/// # Errors
///
/// The request is not forwarded, or what the caller gets depends on how the response arrives, which
/// is a bug in the gate.
pub(in crate::cli) fn received(
    gate: &Gate,
    request: (&Arrival, &[u8], &Store),
    result: &Value,
) -> Result<Value, String> {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "result": result });
    let whole = response(gate, request, "application/json", &message.to_string(), usize::MAX)?;
    let event = format!("data: {message}\n\n");
    let streamed = response(gate, request, "text/event-stream", &event, 1)?;
    let data = streamed.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    let [whole, streamed] = [whole.as_str(), data].map(serde_json::from_str::<Value>);
    match (whole, streamed) {
        (Ok(whole), Ok(streamed)) if whole.get("result") == streamed.get("result") => {
            Ok(whole.get("result").cloned().unwrap_or(whole))
        }
        (whole, streamed) => Err(format!("as JSON: {whole:?}; as an event: {streamed:?}")),
    }
}

/// The body of a response that arrives in parts of this size.
fn response(
    gate: &Gate,
    (arrival, body, memory): (&Arrival, &[u8], &Store),
    content_type: &str,
    upstream: &str,
    size: usize,
) -> Result<String, String> {
    let mut exchange = Exchange::default();
    exchange.step(gate, Event::Headers(arrival));
    let step = exchange.end(gate, body, memory, millis(arrival.time));
    if !matches!(step, Step::Done(effects) if matches!(effects.ending, Ending::Forward(_))) {
        return Err("the request is refused, so it has no result".to_owned());
    }
    let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let head = Head::new(vec![field(":status", "200"), field("content-type", content_type)]);
    let headers = exchange.respond(gate, ResponseEvent::Headers(&head, false, Room::default()));
    if let ResponseStep::Pass = headers {
        return Ok(upstream.to_owned());
    }
    let parts: Vec<&[u8]> = upstream.as_bytes().chunks(size.min(upstream.len())).collect();
    let (mut sent, changed) = (Vec::new(), ChangedTools::default());
    for (position, part) in (1..).zip(&parts) {
        let event = ResponseEvent::Body(part, position == parts.len(), &changed);
        match exchange.respond(gate, event) {
            ResponseStep::Pass => sent.extend_from_slice(part),
            ResponseStep::Hold => {}
            ResponseStep::Send { body, .. } => sent.extend(body),
        }
    }
    String::from_utf8(sent).map_err(|_| "the response is not UTF-8".to_owned())
}
