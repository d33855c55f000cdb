//! The entry of a tool in the inventory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ResourceMark, WrapMark};
use crate::identity::Scope;
use crate::json;

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
    /// The labels of data that its results carry, which join the history of who gets them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<String>,
    /// The labels that a successful call of it removes from the history.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clears: Vec<String>,
    /// The scopes that a call needs, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    /// The argument that names the Cedar resource; if absent, the resource is the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMark>,
    /// The arguments that name another tool, which the tool runs, and carry its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wraps: Option<WrapMark>,
    /// Dotted paths of arguments whose values are redacted in the record.
    pub redact: Vec<String>,
    /// Dotted paths of arguments that are passed on without being checked; `*` stands for those that
    /// the tool's schema does not name.
    pub opaque: Vec<String>,
    /// Schemas that replace the server's, by the dotted path of the argument: a JSON Schema, or
    /// `{ by, of }` with one for each value of the argument at the path `by`.
    ///
    /// An empty map is not serialized, so that documents built before it existed keep their digest.
    #[serde(deserialize_with = "json::normalized", skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<String, Value>,
    /// The parts of the tool's result that have a label, by label, as dotted paths in
    /// `structuredContent`. A caller gets them only if policies reveal the label.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Vec<String>>,
    /// What a caller gets in place of a part that is withheld.
    #[serde(skip_serializing_if = "Withheld::is_usual")]
    pub withheld: Withheld,
}

/// What a caller gets in place of a labelled part of a result that policies do not reveal.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Withheld {
    /// A text that names the label.
    #[default]
    Mask,
    /// Nothing.
    Drop,
}

impl Withheld {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
