//! Rebuilds the request of a recorded call, as far as the record contains it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::line::Recorded;
use crate::approval::Accepted;
use crate::cli::input::cases::{Call, Identity, Sent};
use crate::cli::output::report::Problem;
use crate::exchange::Arrival;
use crate::head::Head;

/// The recorded call.
pub(in crate::cli) fn call(
    recorded: &Recorded,
    arguments: Option<&Value>,
) -> Result<Call, Problem> {
    let called = recorded.called().ok_or_else(|| Problem::new("the record names no tool"))?;
    Ok(Call {
        path: recorded.path.clone(),
        authority: recorded.authority.clone(),
        called,
        arguments: arguments.cloned(),
    })
}

/// The request as it arrived.
pub(in crate::cli) fn arrival(
    recorded: &Recorded,
    call: &Call,
    identity: &Identity,
    approval: Option<Accepted>,
) -> Result<(Arrival, Vec<u8>), Problem> {
    let time: DateTime<Utc> = recorded
        .time
        .parse()
        .map_err(|_| Problem::new(format!("the record's time `{}` is no time", recorded.time)))?;
    let source_ip = recorded.source_ip.as_ref().and_then(|ip| ip.parse().ok());
    let sent = Sent { call: Some(call), request: None, time: Some(time), source_ip };
    let (mut arrival, body) = sent.arrival(Some(identity));
    arrival.approval = approval;
    // Takes the randomness from the recorded id, so that the local reply has the same id.
    arrival.entropy = Uuid::parse_str(&recorded.id).map(|id| id.as_u128()).unwrap_or_default();
    if let Some(trace_id) = &recorded.trace_id {
        let mut fields = call.fields();
        let traceparent = format!("00-{trace_id}-0000000000000001-01");
        fields.push(("traceparent".to_owned(), traceparent.into_bytes()));
        arrival.head = Head::new(fields);
    }
    Ok((arrival, body))
}
