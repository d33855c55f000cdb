//! The entry of a tool in the inventory.

use serde::{Deserialize, Serialize};

use super::ResourceMark;

/// The entry of a tool in the inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Marks {
    /// The tool's name on the wire; if absent, it is the name in the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The classes of the tool, such as `write`.
    pub classes: Vec<String>,
    /// The kind of data that the tool accesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_class: Option<String>,
    /// The operation of the tool on that data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The cost of one call, in a unit that the bundle chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    /// The argument that names the Cedar resource; if absent, the resource is the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMark>,
    /// Dotted paths of arguments whose values are redacted in the record.
    pub redact: Vec<String>,
    /// Dotted paths of arguments that are passed on without being checked.
    pub opaque: Vec<String>,
}
