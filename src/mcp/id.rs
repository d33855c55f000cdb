//! JSON-RPC ids.

use serde::Serialize;

use crate::json::Value;

/// A JSON-RPC id. It is echoed with its original JSON type.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer.
    Number(i64),
    /// A string.
    Text(String),
}

impl Id {
    /// The id that a value is.
    pub(crate) fn of(value: &Value<'_>) -> Option<Self> {
        match value.as_str() {
            Some(text) => Some(Self::Text(text.to_owned())),
            None => value.as_i64().map(Self::Number),
        }
    }
}
