//! The arguments of a recorded call, and which of them the record withholds.

use std::path::Path;

use serde_json::Value;

use super::line::Recorded;
use crate::bundle::Bundle;
use crate::cli::files;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::digest::Digest;
use crate::json::{self, JsonError, REDACTED};
use crate::reason::Reason;

/// Maximum nesting; no recorded call reaches it.
const DEPTH: usize = 128;
/// Marks a value that does not fit its schema, and is the key for the number of arguments without a
/// schema.
const UNKNOWN: &str = "[unknown]";

/// The arguments to decide with.
#[derive(Debug)]
pub(in crate::cli) struct Arguments {
    /// The arguments, with marks in place of withheld values.
    pub(in crate::cli) value: Option<Value>,
    /// The dotted paths of withheld values.
    pub(in crate::cli) withheld: Vec<String>,
}

impl Arguments {
    /// Checks whether the call can be decided with marks in place of the withheld values. The mark
    /// of a value that is not a string does not fit the tool's schema.
    pub(in crate::cli) fn fit(&self, bundle: &Bundle, recorded: &Recorded) -> Result<(), Problem> {
        let text = self.value.as_ref().map(Value::to_string).unwrap_or_default();
        let value = read(&text).ok();
        let arguments = value.as_ref().and_then(|value| value.as_object());
        let tool = recorded.in_bundle(bundle);
        let fits = tool.is_none_or(|tool| tool.arguments(arguments, usize::MAX).is_ok());
        if fits || recorded.reason() == Some(Reason::InvalidArguments) {
            return Ok(());
        }
        let withheld = self.withheld.join("`, `");
        let message = format!("the call cannot be decided without the values of `{withheld}`");
        let help =
            "give the complete arguments with --arguments; they are checked against the digest";
        Err(Problem::new(message).with_help(help))
    }
}

/// The arguments of a record, or those supplied beside it; both must have the recorded digest.
pub(in crate::cli) fn of(
    recorded: &Recorded,
    given: Option<&Path>,
    notes: &mut Vec<String>,
) -> Result<Arguments, Stop> {
    if let Some(path) = given {
        let text = files::read(path)?;
        let value =
            read(&text).map_err(|error| Problem::new(format!("`{}`: {error}", path.display())))?;
        if recorded.arguments_digest.as_deref() != Some(digest(&value).as_str()) {
            let message =
                format!("`{}` does not have the digest of the recorded arguments", path.display());
            return Err(Problem::new(message).into());
        }
        notes.push("the given arguments have the recorded digest".to_owned());
        let value = serde_json::to_value(&value).ok();
        return Ok(Arguments { value, withheld: Vec::new() });
    }
    let held = held(recorded)?;
    match (&held.value, &recorded.arguments_digest) {
        (None, Some(_)) => {
            notes.push("the record holds no arguments, since the tool was unknown".to_owned());
        }
        (Some(_), Some(_)) if held.withheld.is_empty() => {
            let note = "the recorded arguments are complete and have the recorded digest";
            notes.push(note.to_owned());
        }
        (_, _) => {}
    }
    Ok(held)
}

/// The arguments as far as the record contains them.
pub(in crate::cli) fn held(recorded: &Recorded) -> Result<Arguments, Problem> {
    let (Some(recorded_digest), Some(shown)) = (&recorded.arguments_digest, &recorded.arguments)
    else {
        return Ok(Arguments { value: None, withheld: Vec::new() });
    };
    let mut withheld = Vec::new();
    let text = shown.to_string();
    if read(&text).ok().is_none_or(|value| digest(&value).as_str() != recorded_digest) {
        collect(shown, "", &mut withheld);
        if withheld.is_empty() {
            let message = "the recorded arguments do not have the recorded digest";
            let help =
                "nothing in them is redacted, so the record was changed after it was written";
            return Err(Problem::new(message).with_help(help));
        }
    }
    Ok(Arguments { value: Some(shown.clone()), withheld })
}

fn read(text: &str) -> Result<json::Value<'_>, JsonError> {
    json::read_body(text.as_bytes(), DEPTH, usize::MAX)
}

/// The digest that the gate records.
fn digest(arguments: &json::Value<'_>) -> Digest {
    Digest::of_bytes(arguments.canonical().as_bytes())
}

/// Whether a string is the mark of a withheld value.
pub(in crate::cli) fn is_mark(text: &str) -> bool {
    text == REDACTED || text == UNKNOWN
}

/// Whether a string is JSON text with marks: the arguments of an inner call.
fn has_mark(text: &str) -> bool {
    let read: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
    let mut withheld = Vec::new();
    if let Some(read) = read {
        collect(&read, "", &mut withheld);
    }
    !withheld.is_empty()
}

fn collect(value: &Value, path: &str, withheld: &mut Vec<String>) {
    match value {
        Value::String(text) if is_mark(text) || has_mark(text) => {
            withheld.push(path.to_owned());
        }
        Value::Object(members) => {
            for (name, value) in members {
                let separator = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{separator}{name}");
                if name == UNKNOWN {
                    withheld.push(path);
                } else {
                    collect(value, &path, withheld);
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                collect(element, path, withheld);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
