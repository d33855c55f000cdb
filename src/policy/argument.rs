//! The arguments of a call as typed values. They are converted to Cedar values only for Cedar's
//! evaluator.

use std::borrow::Cow;

use cedar_policy_core::ast::EntityUID;

use super::value::{self, Value};

/// A typed value that borrows strings from the call, and names and entities from the tool.
#[derive(Clone, Debug)]
pub enum ArgumentValue<'a> {
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A decimal, in ten-thousandths.
    Decimal(i64),
    /// A string.
    Text(Cow<'a, str>),
    /// An entity.
    Entity(&'a EntityUID),
    /// Unordered elements, possibly with duplicates.
    Set(Vec<ArgumentValue<'a>>),
    /// Members with distinct names.
    Record(Vec<(Cow<'a, str>, ArgumentValue<'a>)>),
    /// A datetime, a duration or an IP address.
    Extension(Value),
}

impl ArgumentValue<'_> {
    /// The Cedar value; `None` if Cedar cannot represent it, which typing rules out.
    pub fn in_cedar(&self) -> Option<Value> {
        Some(match self {
            Self::Bool(value) => Value::from(*value),
            Self::Long(number) => Value::from(*number),
            Self::Decimal(number) => value::decimal(*number)?,
            Self::Text(text) => Value::from(&**text),
            Self::Entity(uid) => Value::from((*uid).clone()),
            Self::Set(elements) => {
                let elements = elements.iter().map(Self::in_cedar).collect::<Option<Vec<_>>>()?;
                value::set(elements)
            }
            Self::Record(members) => {
                let member = |(name, value): &(Cow<'_, str>, Self)| {
                    Some((name.clone().into_owned(), value.in_cedar()?))
                };
                let members = members.iter().map(member).collect::<Option<Vec<_>>>()?;
                value::record(members.iter().map(|(name, value)| (name.as_str(), value.clone())))
            }
            Self::Extension(value) => value.clone(),
        })
    }
}
