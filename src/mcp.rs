//! Body bytes → JSON-RPC messages, by the rules of MCP over Streamable HTTP.
//!
//! Input that two parsers could interpret differently is refused before any policy runs.

mod standard_headers;
mod error;
mod housekeeping;
mod id;
mod message;
mod method;
mod recover;
mod revision;
mod session;
mod task;

pub use error::MessageError;
pub use housekeeping::Housekeeping;
pub use id::Id;
pub use message::{Call, Kind, Message};
pub use method::Method;
pub use recover::{Recovered, Recovery};
pub use revision::Revision;
pub use session::{SESSION, SessionKey};
pub use standard_headers::StandardHeaders;
pub use task::NewTask;

use crate::json::Value;
use crate::reason::Reason;
use error::malformed;

/// The messages of one HTTP body.
#[derive(Debug)]
pub enum Body<'a> {
    /// One message, the only form since 2025-06-18.
    Single(Message<'a>),
    /// Several messages in an array, as in 2025-03-26.
    Batch(Vec<Message<'a>>),
}

impl<'a> Body<'a> {
    /// The messages in the order of the body.
    pub fn messages(&self) -> &[Message<'a>] {
        match self {
            Self::Single(message) => std::slice::from_ref(message),
            Self::Batch(messages) => messages,
        }
    }

    /// Whether the body was an array; the reply then is one too.
    pub fn is_batch(&self) -> bool {
        matches!(self, Self::Batch(_))
    }
}

/// Parses the messages of a body that is already strict JSON.
///
/// # Errors
///
/// Messages that are not JSON-RPC 2.0 as MCP uses it, a batch in a revision without batches, more
/// messages than `max_messages`, or headers that contradict the body.
pub fn read<'a>(
    body: &'a Value<'a>,
    headers: &StandardHeaders,
    max_messages: usize,
) -> Result<Body<'a>, MessageError> {
    match body {
        Value::Object(message) => Message::read(message, headers).map(Body::Single),
        Value::Array(messages) => batch(messages, headers, max_messages).map(Body::Batch),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Raw(_) => {
            Err(malformed("the body is not a JSON-RPC message"))
        }
    }
}

fn batch<'a>(
    messages: &'a [Value<'a>],
    headers: &StandardHeaders,
    max_messages: usize,
) -> Result<Vec<Message<'a>>, MessageError> {
    // A request without the version header is of revision 2025-03-26.
    if !headers.revision.is_none_or(Revision::has_batches) {
        return Err(malformed("this protocol version has no batches"));
    }
    if headers.describe_a_message() {
        let message = "standard headers describe one message, and the body is a batch";
        return Err(MessageError::new(Reason::HeaderMismatch, message.to_owned()));
    }
    if messages.is_empty() {
        return Err(malformed("the batch is empty"));
    }
    if messages.len() > max_messages {
        let message = format!("the batch has more than {max_messages} messages");
        return Err(MessageError::new(Reason::TooManyCalls, message));
    }
    let read = |message: &'a Value<'a>| match message.as_object() {
        Some(message) => Message::read(message, headers),
        None => Err(malformed("an element of the batch is not a JSON-RPC message")),
    };
    let messages = messages.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    distinct_ids(&messages)?;
    Ok(messages)
}

/// Responses are matched by id, so two requests of one batch must not share an id.
fn distinct_ids(messages: &[Message<'_>]) -> Result<(), MessageError> {
    let mut ids: Vec<&Id> = messages.iter().filter_map(Message::request_id).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() == all { Ok(()) } else { Err(malformed("two requests of the batch share an id")) }
}
