//! The fields of a record for a call and for its inner call.

use super::methods::Asked;
use super::pending::Pending;
use crate::decide::Inner;
use crate::digest::Digest;
use crate::gate::Gate;
use crate::json::{Object, cut};
use crate::mcp::{Kind, Message};
use crate::record::CallFields;
use crate::tool::{Tool, is_wire_name};

/// The maximum size of the arguments in a record, and of its resource, in bytes. The digest covers all
/// arguments.
pub(super) const LONGEST_FIELD: usize = 16_384;

impl Pending {
    /// The fields of a record for a call.
    pub(super) fn call_fields(&self, gate: &Gate, message: &Message<'_>) -> Option<CallFields> {
        let Kind::Call(call) = message.kind else {
            let asked = self.asked(gate, message)?;
            return Some(of_method(&asked));
        };
        let digest = |arguments: &Object<'_>| Digest::of_bytes(arguments.canonical().as_bytes());
        let mut fields = self.tool_fields(gate, call.name);
        fields.arguments_digest = call.arguments.map(digest);
        if let Some(tool) = gate.bundle.tool(&self.server, call.name) {
            let resource = tool.recorded_resource(call.arguments);
            fields.resource = resource.filter(|entity| entity.len() <= LONGEST_FIELD);
            let (inner, carried) = inner_fields(gate, tool, call.arguments);
            fields.inner = inner.map(Box::new);
            fields.arguments = tool.redacted(call.arguments, carried.as_deref(), LONGEST_FIELD);
        }
        Some(fields)
    }

    /// The fields of a record for a tool of the channel's server.
    pub(super) fn tool_fields(&self, gate: &Gate, name: &str) -> CallFields {
        tool_fields(gate, &self.server, name)
    }
}

/// The fields of a record for a method that policies decide.
fn of_method(Asked { tool, arguments, .. }: &Asked<'_, '_>) -> CallFields {
    let arguments = arguments.as_ref();
    let digest = |arguments: &Object<'_>| Digest::of_bytes(arguments.canonical().as_bytes());
    CallFields {
        arguments_digest: arguments.map(digest),
        resource: tool.recorded_resource(arguments).filter(|it| it.len() <= LONGEST_FIELD),
        arguments: tool.redacted(arguments, None, LONGEST_FIELD),
        ..CallFields::of(tool.noted())
    }
}

/// The fields of a record for the inner call of a call, and what the record shows in place of its
/// arguments among those of the outer call; nothing of a call that names no inner tool.
fn inner_fields(
    gate: &Gate,
    tool: &Tool,
    arguments: Option<&Object<'_>>,
) -> (Option<CallFields>, Option<String>) {
    let Some(wraps) = tool.wraps() else { return (None, None) };
    let Ok(name) = wraps.name(arguments) else { return (None, None) };
    let mut fields = tool_fields(gate, wraps.server(), name);
    let Ok(Inner { tool, arguments }) = Inner::of(&gate.bundle, wraps, arguments) else {
        return (Some(fields), None);
    };
    let object = arguments.as_object();
    let digest = |object: &Object<'_>| Digest::of_bytes(object.canonical().as_bytes());
    fields.arguments_digest = object.map(digest);
    fields.resource = tool.recorded_resource(object).filter(|it| it.len() <= LONGEST_FIELD);
    fields.arguments = tool.redacted(object, None, LONGEST_FIELD);
    let shown = fields.arguments.as_ref().map(|redacted| arguments.shown(redacted));
    (Some(fields), shown)
}

/// The fields of a record for a tool.
fn tool_fields(gate: &Gate, server: &str, name: &str) -> CallFields {
    let Some(tool) = gate.bundle.tool(server, name) else {
        let shown = cut(name);
        // Another bundle may know a tool of this name.
        let tool_name = (shown != name && is_wire_name(name)).then(|| name.into());
        let tool = [server, "/", &*shown].concat().into();
        return CallFields { tool, tool_name, ..CallFields::default() };
    };
    CallFields::of(tool.noted())
}
