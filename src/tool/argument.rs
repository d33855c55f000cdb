//! The type of an argument: the accepted values and their Cedar type.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;

use super::alike::folded;
use super::forms::Forms;
use super::number::Range;
use super::text::Text;
use crate::json::Value;

/// The type of one argument or element.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) kind: Kind,
    /// Whether `null` is accepted; it counts as absent.
    pub(crate) nullable: bool,
}

/// The kinds of types.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A boolean, or a single one of the two.
    Bool(Option<bool>),
    /// A number without a fraction.
    Long(Range),
    /// A number with at most four fractional digits.
    Decimal(Range),
    /// A string, or a typed value that JSON represents as a string.
    Text(Text),
    /// One of several strings, each mapped to an entity.
    Enum(Enumeration),
    /// Unordered elements of one type.
    Set(Set),
    /// A fixed number of elements, each with its own type.
    Tuple(Vec<Argument>),
    /// Named members.
    Record(Record),
    /// A value of at least one of several types.
    Union(Vec<Choice>),
    /// A value whose type another argument chooses.
    Variants(Variants),
    /// Any value; policies do not see it.
    Opaque(Opaque),
}

/// The members of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) fields: BTreeMap<String, Field>,
    /// What members with other names are, if there may be any; policies do not see them.
    pub(crate) rest: Option<Rest>,
}

/// The members of an object that its type does not name.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) opaque: Opaque,
    /// The names of the others, folded.
    pub(crate) named: BTreeSet<String>,
}

/// One member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) argument: Argument,
    pub(crate) required: bool,
    /// Whether its value is redacted in the record.
    pub(crate) redact: bool,
}

/// A string enumeration with the Cedar entities of its values.
#[derive(Clone, Debug)]
pub(crate) struct Enumeration {
    /// The namespace of the entity type, such as `crm::update_contact::Input`.
    pub(crate) namespace: String,
    /// The name of the entity type in the namespace.
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

/// One type of a union.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The position in the schema, which gives the name `typeChoice0`.
    pub(crate) position: usize,
    pub(crate) kind: Kind,
}

/// A value whose type another argument chooses.
#[derive(Clone, Debug)]
pub(crate) struct Variants {
    /// The members that lead from the arguments as a whole to the argument that chooses.
    pub(crate) by: Vec<String>,
    /// The type for each of its values. The value gives the attribute its name.
    pub(crate) of: BTreeMap<String, Kind>,
}

/// A value that is passed on without being checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opaque {
    /// Dotted paths inside it that are redacted in the record.
    pub(crate) redact: Vec<String>,
    /// Whether it carries the arguments of an inner call, and in which forms.
    pub(crate) carries: Option<Forms>,
}

impl Argument {
    /// An argument that policies do not see.
    pub(crate) fn opaque(redact: Vec<String>) -> Self {
        Self { kind: Kind::Opaque(Opaque { redact, carries: None }), nullable: true }
    }

    /// Whether policies do not see it.
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(self.kind, Kind::Opaque(_))
    }
}

impl Opaque {
    /// The paths that are redacted.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.redact.iter().map(String::as_str).collect()
    }
}

/// The name under which JavaScript objects have their prototype.
pub(crate) const PROTOTYPE: &str = "__proto__";

impl Rest {
    /// Whether there may be a member of this name. If it is like that of another, the tool could take
    /// it for the one that policies see. The members of [`PROTOTYPE`] can become those of the object.
    pub(crate) fn takes(&self, name: &str) -> bool {
        name != PROTOTYPE && !self.named.contains(&folded(name))
    }
}

impl Record {
    /// Whether an object of this type may have a member of this name.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.fields.contains_key(name) || self.rest.as_ref().is_some_and(|rest| rest.takes(name))
    }

    /// The type of the argument at a path that leads through objects only, to be changed.
    pub(crate) fn kind_mut(&mut self, path: &[String]) -> Option<&mut Kind> {
        let (name, rest) = path.split_first()?;
        let kind = &mut self.fields.get_mut(name)?.argument.kind;
        if rest.is_empty() {
            return Some(kind);
        }
        if let Kind::Record(inner) = kind { inner.kind_mut(rest) } else { None }
    }
}

impl Field {
    /// Whether the Cedar attribute is always present.
    pub(crate) fn is_certain(&self) -> bool {
        self.required && !self.argument.nullable
    }
}

impl Choice {
    /// The attribute that holds a value of this type.
    pub(crate) fn attribute(&self) -> String {
        format!("typeChoice{}", self.position)
    }
}

/// The attribute that holds one element of a tuple.
pub(crate) fn projection(position: usize) -> String {
    format!("proj{position}")
}

impl Kind {
    /// Whether a value has the JSON type of this kind, regardless of its content.
    pub(crate) fn admits(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Bool(_) => matches!(value, Value::Bool(_)),
            Self::Long(_) | Self::Decimal(_) => matches!(value, Value::Number(_)),
            Self::Text(_) | Self::Enum(_) => matches!(value, Value::String(_)),
            Self::Set(_) | Self::Tuple(_) => matches!(value, Value::Array(_)),
            Self::Record(_) => matches!(value, Value::Object(_)),
            Self::Union(choices) => choices.iter().any(|choice| choice.kind.admits(value)),
            Self::Variants(variants) => variants.of.values().any(|kind| kind.admits(value)),
            Self::Opaque(_) => true,
        }
    }

    /// Whether values are neither arrays nor objects.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Long(_) | Self::Decimal(_) | Self::Text(_) | Self::Enum(_) => {
                true
            }
            Self::Set(_)
            | Self::Tuple(_)
            | Self::Record(_)
            | Self::Union(_)
            | Self::Variants(_)
            | Self::Opaque(_) => false,
        }
    }

    /// The record type, if this is one.
    pub(crate) fn as_record(&self) -> Option<&Record> {
        if let Self::Record(record) = self { Some(record) } else { None }
    }

    /// The opaque type, if this is one.
    pub(crate) fn as_opaque(&self) -> Option<&Opaque> {
        if let Self::Opaque(opaque) = self { Some(opaque) } else { None }
    }

    /// The type of the element at a position of an array, if there can be one.
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
