//! The entry of a tool in the inventory.

use serde::{Deserialize, Serialize};

use super::ResourceMark;

/// The entry of a tool in the inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Marks {
    /// Names of the classes the tool belongs to, such as `write`.
    pub classes: Vec<String>,
    /// The kind of data the tool touches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_class: Option<String>,
    /// What the tool does with that data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What one call costs, in units of the bundle's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    /// The argument that names the Cedar resource; without it that is the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMark>,
    /// Dotted paths of arguments whose values stay out of the record.
    pub redact: Vec<String>,
    /// Dotted paths of arguments that are passed on unread.
    pub opaque: Vec<String>,
}
