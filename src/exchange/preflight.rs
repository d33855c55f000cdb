//! Checks of the headers before the body arrives.

use crate::decide::{Denial, Facts};
use crate::head::{Head, trimmed};
use crate::mcp::Housekeeping;
use crate::reason::Reason;

/// How much of a body that is too large is read, in bytes, to find the ids of its messages. Clients
/// write them last.
pub(super) const LONGEST_DRAINED: usize = 16 << 20;

/// Checks the method, content type, encoding and length. Returns the proof for a method without a
/// body, `None` if a body follows. A body that announces more than `longest` bytes is not awaited.
pub(super) fn preflight(
    head: &Head,
    facts: &Facts,
    longest: usize,
) -> Result<Option<Housekeeping>, Denial> {
    let refused = |reason, detail: &str| {
        Err(Denial { detail: Some(detail.to_owned()), ..Denial::because(reason) })
    };
    // The gate cannot inspect the bytes of an upgraded connection.
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
    if announced(head) > longest {
        return refused(Reason::BodyTooLarge, "content-length is beyond the limit");
    }
    Ok(None)
}

/// The length of the body that the headers announce, in bytes.
pub(super) fn announced(head: &Head) -> usize {
    let length = head.one("content-length").ok().flatten();
    let length = length.and_then(|length| length.parse::<u64>().ok()).unwrap_or_default();
    length.try_into().unwrap_or(usize::MAX)
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

/// Whether there is one content type, `application/json`, with no parameter except `charset=utf-8`.
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
