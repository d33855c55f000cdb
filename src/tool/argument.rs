//! The type of an argument: what a value must be, and what Cedar sees of it.

use std::collections::BTreeMap;

use cedar_policy::EntityUid;

use super::number::Range;
use super::text::Text;
use crate::json::Value;

/// What one argument, or one element of one, may be.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) kind: Kind,
    /// Whether `null` is accepted; it then counts as absent.
    pub(crate) nullable: bool,
}

/// The shapes of an argument.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A boolean, or only one of the two.
    Bool(Option<bool>),
    /// A number without a fraction.
    Long(Range),
    /// A number with at most four fractional digits.
    Decimal(Range),
    /// A string, or something that JSON writes as one.
    Text(Text),
    /// One of several strings, each an entity.
    Enum(Enumeration),
    /// Elements of one type, without order.
    Set(Set),
    /// A fixed number of elements, each of its own type.
    Tuple(Vec<Argument>),
    /// Named members.
    Record(Record),
    /// A value of at least one of several types.
    Union(Vec<Choice>),
    /// Anything at all, which policies do not see.
    Opaque(Opaque),
}

/// The members of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) fields: BTreeMap<String, Field>,
}

/// One member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) argument: Argument,
    pub(crate) required: bool,
    /// Whether its value stays out of the record.
    pub(crate) redact: bool,
}

/// A string enumeration and the Cedar entities of its values.
#[derive(Clone, Debug)]
pub(crate) struct Enumeration {
    /// The namespace of the entity type, such as `crm::update_contact::Input`.
    pub(crate) namespace: String,
    /// The entity type in it.
    pub(crate) name: String,
    pub(crate) values: BTreeMap<String, EntityUid>,
}

/// An array.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) items: Box<Argument>,
    pub(crate) min: Option<usize>,
    pub(crate) max: Option<usize>,
    pub(crate) unique: bool,
}

/// One of the types of a union.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Its place in the schema, which names it: `typeChoice0`.
    pub(crate) position: usize,
    pub(crate) kind: Kind,
}

/// A value that is passed on unread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opaque {
    /// Dotted paths inside of it that stay out of the record.
    pub(crate) redact: Vec<String>,
}

impl Argument {
    /// An argument that policies do not see.
    pub(crate) fn opaque(redact: Vec<String>) -> Self {
        Self { kind: Kind::Opaque(Opaque { redact }), nullable: true }
    }

    /// Whether policies see nothing of it.
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(self.kind, Kind::Opaque(_))
    }
}

impl Field {
    /// Whether Cedar can count on the attribute being there.
    pub(crate) fn is_certain(&self) -> bool {
        self.required && !self.argument.nullable
    }
}

impl Choice {
    /// The attribute that holds the value when it is of this type.
    pub(crate) fn attribute(&self) -> String {
        format!("typeChoice{}", self.position)
    }
}

/// The attribute of one element of a tuple.
pub(crate) fn projection(position: usize) -> String {
    format!("proj{position}")
}

impl Kind {
    /// Whether a value has the JSON type that this asks for, whatever it says.
    pub(crate) fn admits(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Bool(_) => matches!(value, Value::Bool(_)),
            Self::Long(_) | Self::Decimal(_) => matches!(value, Value::Number(_)),
            Self::Text(_) | Self::Enum(_) => matches!(value, Value::String(_)),
            Self::Set(_) | Self::Tuple(_) => matches!(value, Value::Array(_)),
            Self::Record(_) => matches!(value, Value::Object(_)),
            Self::Union(choices) => choices.iter().any(|choice| choice.kind.admits(value)),
            Self::Opaque(_) => true,
        }
    }
    /// Whether this is neither an array nor an object.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Long(_) | Self::Decimal(_) | Self::Text(_) | Self::Enum(_) => {
                true
            }
            Self::Set(_) | Self::Tuple(_) | Self::Record(_) | Self::Union(_) | Self::Opaque(_) => {
                false
            }
        }
    }

    /// The record, if this is one.
    pub(crate) fn as_record(&self) -> Option<&Record> {
        if let Self::Record(record) = self { Some(record) } else { None }
    }

    /// The opaque value, if this is one.
    pub(crate) fn as_opaque(&self) -> Option<&Opaque> {
        if let Self::Opaque(opaque) = self { Some(opaque) } else { None }
    }

    /// What an element at a position of an array must be, if anything can be there.
    pub(crate) fn element(&self, position: usize) -> Option<&Argument> {
        if let Self::Set(set) = self {
            Some(&set.items)
        } else if let Self::Tuple(arguments) = self {
            arguments.get(position)
        } else {
            None
        }
    }
}
