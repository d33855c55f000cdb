//! JSON-RPC ids.

use serde::Serialize;

/// A JSON-RPC id. It is echoed with the JSON type it came with.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer.
    Number(i64),
    /// A string.
    Text(String),
}
