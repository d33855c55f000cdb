//! Values as conditions come upon them, borrowed from wherever they stand.

use cedar_policy_core::ast::{EntityUID, Literal, Value, ValueKind};

use super::Datum;

/// The largest set that is looked through here. Callers can send much larger ones, and many policies
/// can ask about the same one: Cedar puts it in order once.
const MOST_ELEMENTS: usize = 1024;

/// A value that a part of a condition has.
#[derive(Clone, Debug)]
pub(super) enum Seen<'a> {
    Bool(bool),
    Long(i64),
    /// In ten-thousandths.
    Decimal(i64),
    Text(&'a str),
    Entity(&'a EntityUID),
    /// The elements of a set that the condition spells out.
    Set(Vec<Seen<'a>>),
    /// A set or a record of the arguments.
    Given(&'a Datum<'a>),
    /// A set, a record or an extension value of Cedar's.
    Known(&'a Value),
    /// `context`
    Context,
    /// `context.request`
    Request,
}

/// What only Cedar can tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Untold;

impl<'a> Seen<'a> {
    pub(super) fn given(datum: &'a Datum<'a>) -> Self {
        match datum {
            Datum::Bool(truth) => Self::Bool(*truth),
            Datum::Long(number) => Self::Long(*number),
            Datum::Decimal(number) => Self::Decimal(*number),
            Datum::Text(text) => Self::Text(text),
            Datum::Entity(uid) => Self::Entity(uid),
            Datum::Set(_) | Datum::Record(_) => Self::Given(datum),
            Datum::Extension(value) => Self::Known(value),
        }
    }

    pub(super) fn known(value: &'a Value) -> Self {
        match value.value_kind() {
            ValueKind::Lit(Literal::Bool(truth)) => Self::Bool(*truth),
            ValueKind::Lit(Literal::Long(number)) => Self::Long(*number),
            ValueKind::Lit(Literal::String(text)) => Self::Text(text),
            ValueKind::Lit(Literal::EntityUID(uid)) => Self::Entity(uid),
            ValueKind::Set(_) | ValueKind::Record(_) | ValueKind::ExtensionValue(_) => {
                Self::Known(value)
            }
        }
    }

    pub(super) fn truth(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    pub(super) fn entity(&self) -> Option<&'a EntityUID> {
        if let Self::Entity(uid) = self { Some(uid) } else { None }
    }

    /// The elements, if this is a set that is not too large to be looked through.
    pub(super) fn elements(self) -> Option<Vec<Self>> {
        if let Self::Set(elements) = self {
            return Some(elements);
        }
        if let Self::Given(Datum::Set(elements)) = self
            && elements.len() <= MOST_ELEMENTS
        {
            return Some(elements.iter().map(Self::given).collect());
        }
        if let Self::Known(value) = self
            && let ValueKind::Set(set) = value.value_kind()
            && set.len() <= MOST_ELEMENTS
        {
            return Some(set.iter().map(Self::known).collect());
        }
        None
    }

    /// The member of this name, if this is a record of values and has it.
    pub(super) fn member(&self, name: &str) -> Result<Option<Self>, Untold> {
        if let Self::Given(Datum::Record(members)) = self {
            let found = members.iter().find(|(member, _)| member == name);
            return Ok(found.map(|(_, datum)| Self::given(datum)));
        }
        if let Self::Known(value) = self
            && let ValueKind::Record(members) = value.value_kind()
        {
            return Ok(members.get(name).map(Self::known));
        }
        Err(Untold)
    }

    /// Whether two values are the same; `None` where they have parts, or are Cedar's own.
    pub(super) fn same(&self, other: &Self) -> Option<bool> {
        if self.has_parts() || other.has_parts() {
            return None;
        }
        Some(match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Long(one), Self::Long(other)) | (Self::Decimal(one), Self::Decimal(other)) => {
                one == other
            }
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Entity(one), Self::Entity(other)) => one == other,
            // Values of different types are different.
            (_, _) => false,
        })
    }

    fn has_parts(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Long(_) | Self::Decimal(_) | Self::Text(_) | Self::Entity(_) => {
                false
            }
            Self::Set(_) | Self::Given(_) | Self::Known(_) | Self::Context | Self::Request => true,
        }
    }
}

/// Whether an element is among others; `None` if that cannot be told.
pub(super) fn among(elements: &[Seen<'_>], element: &Seen<'_>) -> Option<bool> {
    any(elements.iter().map(|each| each.same(element)))
}

/// Whether one of these holds; `None` if none is known to, and some cannot be told.
pub(super) fn any(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut told = Some(false);
    for holds in each {
        match holds {
            Some(true) => return Some(true),
            Some(false) => {}
            None => told = None,
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::value;

    #[test]
    fn large_sets_are_not_looked_through() {
        for (count, is_told) in [(MOST_ELEMENTS, true), (MOST_ELEMENTS + 1, false)] {
            let given = Datum::Set(vec![Datum::Bool(true); count]);
            assert_eq!(Seen::given(&given).elements().is_some(), is_told);
            let known = value::set((0_i64..).take(count).map(Value::from));
            assert_eq!(Seen::known(&known).elements().is_some(), is_told);
        }
    }
}
