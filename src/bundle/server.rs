//! `servers` in `bundle.yaml`: what a server offers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Audience, NamePattern};
use crate::identity::Scope;
use crate::json;
use crate::mcp::Method;
use crate::tool::{Marks, UriPattern};

/// One tool server.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerNotes {
    /// The file that describes its tools.
    pub tools_from: String,
    /// Its name in what is signed for it, if that is not its name in the bundle.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// What happens to a tool that the server lists otherwise than it is pinned.
    #[serde(default, skip_serializing_if = "is_usual_change")]
    pub changed_tools: OnChange,
    /// A number that grows when the server's tools were reviewed and their pins stay as they are, so
    /// that tools are called again that were listed otherwise before.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub reviewed: u32,
    /// Patterns of the names of the tools in each class, besides those whose marks have it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, Vec<NamePattern>>,
    /// Marks of tools, by the tool's name in the bundle.
    #[serde(default)]
    pub tools: BTreeMap<String, Marks>,
    /// The methods besides `tools/call` that policies decide.
    ///
    /// An empty map is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub methods: BTreeMap<String, MethodMarks>,
    /// Patterns of the URIs of its resources, by name. Likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, UriPattern>,
}

/// What happens to a tool that its server lists otherwise than it is pinned.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnChange {
    /// It is taken out of lists, and calls of it are refused.
    #[default]
    Refuse,
    /// It is recorded and counted.
    Warn,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual_change(changed: &OnChange) -> bool {
    *changed == OnChange::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_unset(number: &u32) -> bool {
    *number == 0
}

/// The entry of a method.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MethodMarks {
    /// The kind of data that the method accesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_class: Option<String>,
    /// The operation of the method on that data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The cost of one request, in a unit that the bundle chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    /// The scopes that a request needs, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    /// Dotted paths of arguments whose values are redacted in the record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<String>,
    /// Schemas of arguments whose structure the protocol leaves open, as of tools.
    #[serde(deserialize_with = "json::normalized", skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<String, Value>,
}

impl MethodMarks {
    /// The marks of the method as a tool has them. What the bundle does not describe is not read.
    pub(super) fn of(&self, method: &Method) -> Marks {
        let unread = method.free.iter().filter(|path| !self.schemas.contains_key(**path));
        Marks {
            data_class: self.data_class.clone(),
            operation: self.operation.clone(),
            cost: self.cost,
            scopes: self.scopes.clone(),
            redact: self.redact.clone(),
            opaque: unread.map(|path| (*path).to_owned()).collect(),
            schemas: self.schemas.clone(),
            ..Marks::default()
        }
    }
}
