//! The Cedar requests that a request leads to, built by the same functions as in the exchange.

use crate::decide::{Denial, Posed, Question};
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::identity::{self, Identity};
use crate::json;
use crate::mcp::{self, Body, Call, Kind, StandardHeaders};
use crate::reason::Reason;

/// The Cedar request of every call in a body, in its order; `None` for a call that no policy is
/// asked about.
pub(in crate::cli) fn questions(gate: &Gate, arrival: &Arrival, body: &[u8]) -> Vec<Option<Posed>> {
    let Ok(value) = json::read(body, gate.bundle.limits.depth) else { return Vec::new() };
    let Ok(headers) = StandardHeaders::read(&arrival.head) else { return Vec::new() };
    let Ok(body) = mcp::read(&value, &headers, gate.bundle.limits.calls) else { return Vec::new() };
    calls(&body).map(|call| question(gate, arrival, &call).ok()).collect()
}

/// Who makes a request, if anybody may.
pub(in crate::cli) fn identified(gate: &Gate, arrival: &Arrival) -> Result<Identity, Denial> {
    let evidence = arrival.evidence.as_ref().map_err(|_| Denial::because(Reason::Internal))?;
    let attested = evidence.attested();
    attested
        .and_then(|attested| identity::identify(&gate.bundle.identity, &attested))
        .map_err(|error| Denial::because(error.reason()))
}

fn calls<'a>(body: &'a Body<'a>) -> impl Iterator<Item = Call<'a>> {
    body.messages().iter().filter_map(|message| match message.kind {
        Kind::Call(call) => Some(call),
        Kind::Request(_) | Kind::Notification(_) | Kind::Response => None,
    })
}

fn question(gate: &Gate, arrival: &Arrival, call: &Call<'_>) -> Result<Posed, Denial> {
    let because = |reason| move || Denial::because(reason);
    let bundle = &gate.bundle;
    let facts = arrival.facts(&gate.environment);
    let channel = bundle.channel(&facts.authority, &facts.path);
    let channel = channel.ok_or_else(because(Reason::UnknownChannel))?;
    let identity = identified(gate, arrival)?;
    let tool = bundle.tool(&channel.server, call.name).ok_or_else(because(Reason::UnknownTool))?;
    Question::new(bundle, tool, call.arguments, &identity, &facts)?.in_cedar()
}
