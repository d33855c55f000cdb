//! The host calls to an approval service.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::host::{buffered, failed};
use crate::approval::{Heard, Query};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 131_072;

/// How many calls a worker holds while people think.
#[derive(Debug, Default)]
pub(super) struct Held(Rc<Cell<u32>>);

/// A call that is held, as long as this exists.
#[derive(Debug)]
pub(super) struct HeldCall(Rc<Cell<u32>>);

impl Held {
    /// Holds one more call, unless there are so many already.
    fn hold(&self, at_most: u32) -> Option<HeldCall> {
        let more = self.0.get().checked_add(1).filter(|more| *more <= at_most)?;
        self.0.set(more);
        Some(HeldCall(Rc::clone(&self.0)))
    }
}

impl Drop for HeldCall {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Asks the approval service, and returns the number of the request to it, and the place of the call
/// among those that are held. Where there is no place, the service is asked without waiting.
pub(super) fn ask(query: &Query, others: &Held) -> Result<(u32, Option<HeldCall>), String> {
    let hold = query.hold.and_then(|hold| Some((hold, others.hold(hold.at_most)?)));
    let wait = hold.as_ref().map(|(hold, _)| format!("wait={}", hold.wait));
    let timeout = hold.as_ref().map_or(query.timeout_ms, |(hold, _)| hold.timeout_ms);
    let mut headers = vec![
        (":method", "POST"),
        (":authority", query.authority.as_str()),
        (":path", query.path.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    headers.extend(wait.as_deref().map(|wait| ("prefer", wait)));
    hostcalls::dispatch_http_call(
        &query.cluster,
        headers,
        Some(query.body.as_bytes()),
        Vec::new(),
        Duration::from_millis(timeout.max(query.timeout_ms)),
    )
    .map(|token| (token, hold.map(|(_, call)| call)))
    .map_err(failed("approval service"))
}

/// The answer of the approval service, with so many headers and bytes. Without headers, Envoy has given
/// up.
pub(super) fn answer(headers: usize, size: usize) -> Heard {
    if headers == 0 {
        return Heard::Unavailable("the approval service does not answer in time".to_owned());
    }
    if size > LONGEST {
        return Heard::Unavailable("the answer of the approval service is too long".to_owned());
    }
    let status = hostcalls::get_map_value(MapType::HttpCallResponseHeaders, ":status");
    let body = buffered(BufferType::HttpCallResponseBody, size);
    match (status, body) {
        (Ok(status), Ok(body)) => Heard::read(&status.unwrap_or_default(), &body),
        (Err(status), _) => Heard::Unavailable(failed("headers")(status)),
        (_, Err(failure)) => Heard::Unavailable(failure),
    }
}
