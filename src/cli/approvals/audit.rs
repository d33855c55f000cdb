//! One line of JSON on stdout for whatever happens.

use serde_json::{Value, json};

use crate::cli::clock;
use crate::cli::output::report;
use crate::json;
use crate::timestamp::timestamp;

/// Writes a line. `event` is an object.
pub(super) fn line(event: &Value) {
    let mut line = json!({ "time": timestamp(clock::now()) });
    if let (Some(line), Some(members)) = (line.as_object_mut(), event.as_object()) {
        line.extend(members.clone());
    }
    let mut text = line.to_string();
    json::escape_hidden(&mut text);
    text.push('\n');
    // Who cannot hear of it cannot be told otherwise.
    let _ = report::bytes(text.as_bytes());
}

/// Writes that something was refused, and to whom, if that is known.
pub(super) fn refused(what: &str, status: u16, detail: &str, approver: Option<&str>) {
    line(&json!({
        "event": "refused",
        "what": what,
        "status": status,
        "detail": detail,
        "approver": approver,
    }));
}
