//! JSON that is written already.

/// The text of one JSON value, as a record takes it over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rendered(String);

impl Rendered {
    /// Takes over a text that is JSON.
    pub(crate) fn new(json: String) -> Self {
        Self(json)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for Rendered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value =
            serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}
