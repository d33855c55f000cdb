//! The inner call of a call in the record.

use std::sync::Arc;

#[cfg(test)]
use serde::Serialize;

use crate::digest::Digest;
use crate::json::Rendered;

/// The inner call of a call. The fields are those of a record, and as that of a direct call.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize))]
pub struct InnerField {
    /// The tool, `<server>/<name>`.
    pub tool: Arc<str>,
    /// The name on the wire, if `tool` has another one.
    pub tool_name: Option<Arc<str>>,
    /// The tool's classes.
    pub classes: Arc<[String]>,
    /// The tool's data class.
    pub data_class: Option<Arc<str>>,
    /// The tool's kind of operation.
    pub operation: Option<Arc<str>>,
    /// The cost of one call of the tool.
    pub cost: Option<u32>,
    /// The arguments, redacted as the tool's entry says.
    pub arguments: Option<Rendered>,
    /// SHA-256 of the arguments' canonical JSON.
    pub arguments_digest: Option<Digest>,
    /// The Cedar resource.
    pub resource: Option<Arc<str>>,
}
