//! Arguments of a call as typed values. Conditions are answered on them as they are; values of Cedar's
//! own are made of them only where Cedar itself is asked.

use std::borrow::Cow;

use cedar_policy_core::ast::EntityUID;

use super::value::{self, Value};

/// A typed value that borrows its texts from a call, and its names and entities from the tool.
#[derive(Clone, Debug)]
pub enum Datum<'a> {
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A number with a fraction, in ten-thousandths.
    Decimal(i64),
    /// A string.
    Text(Cow<'a, str>),
    /// An entity.
    Entity(&'a EntityUID),
    /// Elements without order, of which some may be alike.
    Set(Vec<Datum<'a>>),
    /// Members whose names are distinct.
    Record(Vec<(Cow<'a, str>, Datum<'a>)>),
    /// A time, a duration or an address.
    Extension(Value),
}

impl Datum<'_> {
    /// The same as a value of Cedar's; `None` if Cedar has no such value, which typing rules out.
    pub fn in_cedar(&self) -> Option<Value> {
        Some(match self {
            Self::Bool(truth) => Value::from(*truth),
            Self::Long(number) => Value::from(*number),
            Self::Decimal(number) => value::decimal(*number)?,
            Self::Text(text) => Value::from(&**text),
            Self::Entity(uid) => Value::from((*uid).clone()),
            Self::Set(elements) => {
                let elements = elements.iter().map(Self::in_cedar).collect::<Option<Vec<_>>>()?;
                value::set(elements)
            }
            Self::Record(members) => {
                let member = |(name, datum): &(Cow<'_, str>, Self)| {
                    Some((name.clone().into_owned(), datum.in_cedar()?))
                };
                let members = members.iter().map(member).collect::<Option<Vec<_>>>()?;
                value::record(members.iter().map(|(name, value)| (name.as_str(), value.clone())))
            }
            Self::Extension(value) => value.clone(),
        })
    }
}
