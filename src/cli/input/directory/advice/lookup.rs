//! Finds what a message is about.

use serde_json::Value;

use crate::bundle::Document;

/// The first quoted part of a message.
pub(super) fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// The schema that a server gives the arguments of a tool.
pub(super) fn input_schema<'a>(
    document: &'a Document,
    server: &str,
    tool: &str,
) -> Option<&'a Value> {
    let mut tools = document.described();
    Some(tools.find(|known| known.server == server && known.name == tool)?.tool.input_schema())
}
