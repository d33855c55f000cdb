//! What the commands work out of a tool's schema: example arguments, assumptions for proofs, and
//! the arguments behind a Cedar value.

mod assumptions;
mod examples;
mod from_cedar;
mod lookup;
mod number;
mod pattern;
mod required;
mod text;
mod time;

#[cfg(test)]
mod tests;

pub(in crate::cli) use time::instant;

use serde_json::Value;

use crate::json;
use crate::tool::Tool;

/// As deep as types nest, and a union around each.
const MAX_DEPTH: usize = 64;

impl Tool {
    /// Whether every call has what policies read by these names, or else lacks what it is part of.
    pub(in crate::cli) fn is_certain(&self, path: &[String]) -> bool {
        required::is_certain(&self.input, path)
    }

    /// The entity type of an enumerated argument, by the names under which policies read it.
    pub(in crate::cli) fn enumeration(&self, path: &[String]) -> Option<String> {
        let enumeration = lookup::enumeration(&self.input, path)?;
        Some(format!("{}::{}", enumeration.namespace, enumeration.name))
    }

    /// Arguments that the tool takes, the fewest first, to begin a test case with.
    pub(in crate::cli) fn examples(&self) -> Vec<Value> {
        let examples = examples::arguments(&self.input).into_iter();
        examples.filter(|arguments| self.takes(arguments)).collect()
    }

    /// Whether arguments that a test case writes fit.
    pub(in crate::cli) fn takes(&self, arguments: &Value) -> bool {
        let text = arguments.to_string();
        let read = json::read(text.as_bytes(), MAX_DEPTH);
        let object = read.as_ref().ok().and_then(json::Value::as_object);
        object.is_some_and(|object| self.arguments(Some(object), usize::MAX).is_ok())
    }
}
