//! Derives data from a tool's schema: example arguments, assumptions for proofs, and the arguments
//! for a Cedar value.

mod assumptions;
mod examples;
mod from_cedar;
mod lookup;
mod number;
mod pattern;
mod required;
mod text;
mod time;
mod unread;
mod wrapping;

#[cfg(test)]
mod tests;

pub(in crate::cli) use time::instant;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json::{self, Object};
use crate::tool::Tool;

/// The maximum nesting of types, with a union around each.
const MAX_DEPTH: usize = 64;

impl Tool {
    /// Whether every call that has the parent of this path also has the value at the path.
    pub(in crate::cli) fn is_certain(&self, path: &[String]) -> bool {
        required::is_certain(&self.input, path)
    }

    /// The entity type of an enumerated argument, by its path in policies.
    pub(in crate::cli) fn enumeration(&self, path: &[String]) -> Option<String> {
        let enumeration = lookup::enumeration(&self.input, path)?;
        Some(format!("{}::{}", enumeration.namespace, enumeration.name))
    }

    /// The values of an enumerated argument, by its path in policies; empty for any other.
    pub(in crate::cli) fn values(&self, path: &[String]) -> Vec<&str> {
        let enumeration = lookup::enumeration(&self.input, path);
        enumeration.into_iter().flat_map(|it| it.values.keys()).map(String::as_str).collect()
    }

    /// Whether a call has the last attribute if another argument chooses it.
    pub(in crate::cli) fn is_chosen(&self, path: &[String]) -> bool {
        lookup::is_chosen(&self.input, path)
    }

    /// The dotted paths of the arguments of a call that policies do not see.
    pub(in crate::cli) fn unread(&self, arguments: &Object<'_>) -> BTreeSet<String> {
        unread::paths(&self.input, arguments)
    }

    /// Arguments that the tool accepts, the fewest first, as the start of a test case.
    pub(in crate::cli) fn examples(&self) -> Vec<Value> {
        let examples = examples::arguments(&self.input).into_iter();
        examples.filter(|arguments| self.takes(arguments)).collect()
    }

    /// Arguments with which the tool runs the tool of this name on the wire; `None` if it runs no
    /// tools, or takes more arguments than those.
    pub(in crate::cli) fn wrapping(&self, name: &str, arguments: &Value) -> Option<Value> {
        let arguments = wrapping::arguments(self.wraps()?, name, arguments);
        self.takes(&arguments).then_some(arguments)
    }

    /// Whether the arguments of a test case fit.
    pub(in crate::cli) fn takes(&self, arguments: &Value) -> bool {
        let text = arguments.to_string();
        let read = json::read(text.as_bytes(), MAX_DEPTH);
        let object = read.as_ref().ok().and_then(json::Value::as_object);
        object.is_some_and(|object| self.arguments(Some(object), usize::MAX).is_ok())
    }
}
