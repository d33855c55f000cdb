//! The host calls to an approval service.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::host::{buffered, failed};
use crate::approval::{Heard, Query};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 131_072;

/// Asks the approval service, and returns the number of the call.
pub(super) fn ask(query: &Query) -> Result<u32, String> {
    let wait = query.wait.map(|seconds| format!("wait={seconds}"));
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
        Duration::from_millis(query.timeout_ms),
    )
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
