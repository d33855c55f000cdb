//! Why a JSON value cannot be an argument of some type.

/// Why a value cannot be an argument of some type, as the words that follow "must be".
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unfit {
    /// It does not fit the tool's schema.
    Schema(String),
    /// It fits the schema, but no value of the Cedar type equals it. Policies cannot read it.
    Inexact(String),
}

impl Unfit {
    pub(crate) fn schema(words: impl Into<String>) -> Self {
        Self::Schema(words.into())
    }

    pub(crate) fn inexact(words: impl Into<String>) -> Self {
        Self::Inexact(words.into())
    }

    /// Whether the value fits the tool's schema.
    pub(crate) fn fits_schema(&self) -> bool {
        matches!(self, Self::Inexact(_))
    }
}
