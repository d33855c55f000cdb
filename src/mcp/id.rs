//! JSON-RPC ids.

use serde::Serialize;

/// A JSON-RPC id. It is echoed with its original JSON type.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer.
    Number(i64),
    /// A string.
    Text(String),
}
