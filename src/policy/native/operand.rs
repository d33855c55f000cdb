//! The values of a native evaluation, borrowed from the call, the entities and the policy.

use cedar_policy_core::ast::{EntityUID, Literal, Value, ValueKind};

use crate::policy::{ArgumentValue, LazyValue};

/// The maximum size of a set that is searched natively. Callers can send larger ones, and many
/// policies can search the same set: Cedar sorts it once.
const MOST_ELEMENTS: usize = 1024;

/// The value of an expression.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    Bool(bool),
    Long(i64),
    /// In ten-thousandths.
    Decimal(i64),
    Text(&'a str),
    Entity(&'a EntityUID),
    /// A set literal of the condition.
    Set(Vec<Operand<'a>>),
    /// A set or a record of the arguments.
    Argument(&'a ArgumentValue<'a>),
    /// A set, a record or an extension value of Cedar.
    Cedar(&'a Value),
    /// A record at a path from `context` that is found when it is read.
    Lazy(Vec<&'a str>),
    /// `context`
    Context,
    /// `context.request`
    Request,
}

/// A case that only Cedar can evaluate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unknown;

impl<'a> Operand<'a> {
    pub(super) fn of_argument(argument: &'a ArgumentValue<'a>) -> Self {
        match argument {
            ArgumentValue::Bool(value) => Self::Bool(*value),
            ArgumentValue::Long(number) => Self::Long(*number),
            ArgumentValue::Decimal(number) => Self::Decimal(*number),
            ArgumentValue::Text(text) => Self::Text(text),
            ArgumentValue::Entity(uid) => Self::Entity(uid),
            ArgumentValue::Set(_) | ArgumentValue::Record(_) => Self::Argument(argument),
            ArgumentValue::Extension(value) => Self::Cedar(value),
        }
    }

    /// What was found at a path from `context`.
    pub(super) fn of_lazy(path: Vec<&'a str>, found: LazyValue<'a>) -> Self {
        match found {
            LazyValue::Bool(value) => Self::Bool(value),
            LazyValue::Long(number) => Self::Long(number),
            LazyValue::Decimal(number) => Self::Decimal(number),
            LazyValue::Texts(texts) => Self::Set(texts.into_iter().map(Self::Text).collect()),
            LazyValue::Record(_) => Self::Lazy(path),
        }
    }

    pub(super) fn of_value(value: &'a Value) -> Self {
        match value.value_kind() {
            ValueKind::Lit(Literal::Bool(value)) => Self::Bool(*value),
            ValueKind::Lit(Literal::Long(number)) => Self::Long(*number),
            ValueKind::Lit(Literal::String(text)) => Self::Text(text),
            ValueKind::Lit(Literal::EntityUID(uid)) => Self::Entity(uid),
            ValueKind::Set(_) | ValueKind::Record(_) | ValueKind::ExtensionValue(_) => {
                Self::Cedar(value)
            }
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub(super) fn as_entity(&self) -> Option<&'a EntityUID> {
        if let Self::Entity(uid) = self { Some(uid) } else { None }
    }

    /// The elements of a set within the size limit.
    pub(super) fn into_elements(self) -> Option<Vec<Self>> {
        if let Self::Set(elements) = self {
            return Some(elements);
        }
        if let Self::Argument(ArgumentValue::Set(elements)) = self
            && elements.len() <= MOST_ELEMENTS
        {
            return Some(elements.iter().map(Self::of_argument).collect());
        }
        if let Self::Cedar(value) = self
            && let ValueKind::Set(set) = value.value_kind()
            && set.len() <= MOST_ELEMENTS
        {
            return Some(set.iter().map(Self::of_value).collect());
        }
        None
    }

    /// The member of a record with this name, if any.
    pub(super) fn member(&self, name: &str) -> Result<Option<Self>, Unknown> {
        if let Self::Argument(ArgumentValue::Record(members)) = self {
            let found = members.iter().find(|(member, _)| member == name);
            return Ok(found.map(|(_, argument)| Self::of_argument(argument)));
        }
        if let Self::Cedar(value) = self
            && let ValueKind::Record(members) = value.value_kind()
        {
            return Ok(members.get(name).map(Self::of_value));
        }
        Err(Unknown)
    }

    /// Whether two values are equal; `None` for sets, records and extension values.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        if self.is_compound() || other.is_compound() {
            return None;
        }
        Some(match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Long(one), Self::Long(other)) | (Self::Decimal(one), Self::Decimal(other)) => {
                one == other
            }
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Entity(one), Self::Entity(other)) => one == other,
            // Values of different types are not equal.
            (_, _) => false,
        })
    }

    fn is_compound(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Long(_) | Self::Decimal(_) | Self::Text(_) | Self::Entity(_) => {
                false
            }
            Self::Set(_)
            | Self::Argument(_)
            | Self::Cedar(_)
            | Self::Lazy(_)
            | Self::Context
            | Self::Request => true,
        }
    }
}

/// Whether one of the elements equals `element`.
pub(super) fn contains(elements: &[Operand<'_>], element: &Operand<'_>) -> Option<bool> {
    any(elements.iter().map(|each| each.equals(element)))
}

/// Whether one of the results is true; `None` if none is true and some are unknown.
pub(super) fn any(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for value in each {
        match value {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::value;

    #[test]
    fn large_sets_are_not_searched() {
        for (count, is_searched) in [(MOST_ELEMENTS, true), (MOST_ELEMENTS + 1, false)] {
            let argument = ArgumentValue::Set(vec![ArgumentValue::Bool(true); count]);
            assert_eq!(Operand::of_argument(&argument).into_elements().is_some(), is_searched);
            let value = value::set((0_i64..).take(count).map(Value::from));
            assert_eq!(Operand::of_value(&value).into_elements().is_some(), is_searched);
        }
    }
}
