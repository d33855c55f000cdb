//! The argument that names the Cedar resource of a call.

use std::borrow::Cow;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde::{Deserialize, Serialize};

use super::allowance::Allowance;
use super::argument::{Field, Kind, Record};
use super::problem::Problem;
use super::value;
use crate::identity::TypeName;
use crate::json::{Object, REDACTED, Value, is_plain};

/// What the inventory says about the resource of a tool's calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceMark {
    /// The Cedar entity type, such as `Customer`.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
    /// The dotted path of the argument with the entity's id.
    pub argument: String,
    /// What becomes of a call whose resource the bundle does not know.
    #[serde(default)]
    pub unknown: UnknownResource,
}

/// What becomes of a call whose resource is not among the bundle's entities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownResource {
    /// It is refused before any policy is asked.
    #[default]
    Refuse,
    /// Policies see an entity without attributes and parents.
    Evaluate,
}

/// Where a call names its resource. There is exactly one such place in valid arguments.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    entity_type: EntityTypeName,
    /// The entity type as Cedar writes it.
    type_name: String,
    /// The members that lead to the argument.
    pub(crate) path: Vec<String>,
    pub(crate) kind: Kind,
    redact: bool,
}

impl Source {
    /// Finds the argument that the inventory means.
    pub(crate) fn find(input: &Record, mark: &ResourceMark) -> Result<Self, Problem> {
        let mut found = Vec::new();
        find(input, &mark.argument, &[], &mut found);
        // A member's name may have dots in it, so that one path can mean two arguments.
        let fields = match found.as_slice() {
            [] => return Err(Problem::NoSuchArgument("resource")),
            [fields] => fields,
            _ => return Err(Problem::Resource("but there are several arguments of this path")),
        };
        if !fields.iter().all(|(_, field)| field.is_certain()) {
            return Err(Problem::Resource("but a call can be without it: it is optional, or null"));
        }
        let kind = fields.last().map(|(_, field)| &field.argument.kind).filter(|kind| names(kind));
        let kind = kind.ok_or(Problem::Resource(
            "but only a plain string, one of several strings or a whole number names an entity",
        ))?;
        Ok(Self {
            entity_type: mark.entity_type.as_cedar().clone(),
            type_name: mark.entity_type.to_string(),
            path: fields.iter().map(|(name, _)| (*name).to_owned()).collect(),
            kind: kind.clone(),
            redact: fields.iter().any(|(_, field)| field.redact),
        })
    }

    /// The entity that a call names; `None` if its argument is not what the tool's schema asks for.
    pub(crate) fn entity(&self, arguments: Option<&Object<'_>>) -> Option<EntityUid> {
        let id = self.id(arguments?)?;
        Some(EntityUid::from_type_name_and_id(self.entity_type.clone(), EntityId::new(id)))
    }

    /// The same as Cedar writes it, for the record, which does not show what the inventory redacts.
    pub(crate) fn recorded(&self, arguments: Option<&Object<'_>>) -> Option<String> {
        let id = self.id(arguments?)?;
        let id = if self.redact { REDACTED } else { &*id };
        let id = if is_plain(id) { id.into() } else { Cow::Owned(id.escape_debug().to_string()) };
        Some([&*self.type_name, "::\"", &*id, "\""].concat())
    }

    fn id<'a>(&self, arguments: &'a Object<'_>) -> Option<Cow<'a, str>> {
        let (last, outer) = self.path.split_last()?;
        let object =
            outer.iter().try_fold(arguments, |object, name| object.get(name)?.as_object())?;
        let value = object.get(last)?;
        value::of_kind(&self.kind, value, &mut Allowance::of(usize::MAX)).ok()?;
        id(value)
    }
}

/// Collects every way to read a dotted path, as the fields that lead to its end.
fn find<'a>(
    record: &'a Record,
    path: &str,
    outer: &[(&'a str, &'a Field)],
    found: &mut Vec<Vec<(&'a str, &'a Field)>>,
) {
    for (name, field) in &record.fields {
        let Some(rest) = path.strip_prefix(name.as_str()) else { continue };
        let mut fields = outer.to_vec();
        fields.push((name, field));
        match (rest.strip_prefix('.'), field.argument.kind.as_record()) {
            _ if rest.is_empty() => found.push(fields),
            (Some(rest), Some(inner)) => find(inner, rest, &fields, found),
            (_, _) => {}
        }
    }
}

/// Whether what is written is the id: one date, say, can be written in several ways.
fn names(kind: &Kind) -> bool {
    match kind {
        Kind::Text(text) => text.is_plain(),
        Kind::Long(_) | Kind::Enum(_) => true,
        Kind::Bool(_)
        | Kind::Decimal(_)
        | Kind::Set(_)
        | Kind::Tuple(_)
        | Kind::Record(_)
        | Kind::Union(_)
        | Kind::Opaque(_) => false,
    }
}

/// A string as it is; a whole number has only one spelling that is accepted.
fn id<'a>(value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    let number = || value.as_i64().map(|number| number.to_string().into());
    value.as_str().map(Cow::Borrowed).or_else(number)
}
