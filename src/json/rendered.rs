//! JSON that is serialized once and then copied into documents.

use std::fmt::{Display, Formatter};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The replacement for redacted values in records.
pub const REDACTED: &str = "[redacted]";

/// The text of a JSON value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rendered(String);

impl Rendered {
    /// Wraps a text that is valid JSON.
    pub(crate) fn new(json: String) -> Self {
        Self(json)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part shared by many records. Its JSON is serialized once, when it is created.
#[derive(Debug)]
pub struct Shared<T>(Arc<(T, Rendered)>);

impl<T: Serialize> Shared<T> {
    /// Creates a shared part from a value that serializes to JSON.
    pub fn new(part: T) -> Self {
        let json = serde_json::to_string(&part).unwrap_or_else(|_| "null".to_owned());
        Self(Arc::new((part, Rendered(json))))
    }
}

impl<T> Shared<T> {
    /// The JSON of the part.
    pub(crate) fn json(&self) -> &str {
        self.0.1.as_str()
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T: Display> Display for Shared<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

/// Tests compare records with values.
#[cfg(test)]
impl Serialize for Rendered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value = serde_json::from_str(&self.0).expect("JSON");
        value.serialize(serializer)
    }
}
