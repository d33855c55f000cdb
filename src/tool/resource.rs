//! The argument that names the Cedar resource of a call.

use std::borrow::Cow;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde::{Deserialize, Serialize};

use super::argument::{Field, Kind, Record};
use super::problem::Problem;
use super::value::{self, Walk};
use crate::identity::TypeName;
use crate::json::{Object, REDACTED, Value, is_plain};
use crate::policy::ArgumentValue;

/// The inventory's entry for the resource of a tool's calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceMark {
    /// The Cedar entity type, such as `Customer`.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
    /// The dotted path of the argument that holds the entity's id.
    pub argument: String,
    /// The handling of a resource that is not in the bundle.
    #[serde(default)]
    pub unknown: UnknownResource,
}

/// How a call whose resource is not in the bundle's entities is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownResource {
    /// Refuse it without evaluating policies.
    #[default]
    Refuse,
    /// Evaluate policies with an entity that has no attributes and parents.
    Evaluate,
}

/// The argument that names the resource. Valid arguments contain exactly one.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    entity_type: EntityTypeName,
    /// The entity type in Cedar syntax.
    type_name: String,
    /// The path of members to the argument.
    pub(crate) path: Vec<String>,
    pub(crate) kind: Kind,
    redact: bool,
}

impl Source {
    /// Finds the argument that the inventory names.
    pub(crate) fn find(input: &Record, mark: &ResourceMark) -> Result<Self, Problem> {
        let found = find(input, &mark.argument);
        // Member names may contain dots, so one path can match two arguments.
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

    /// The entity that a call names; `None` if the argument does not match the tool's schema.
    pub(crate) fn entity(&self, arguments: Option<&Object<'_>>) -> Option<EntityUid> {
        let id = self.id(arguments?)?;
        Some(EntityUid::from_type_name_and_id(self.entity_type.clone(), EntityId::new(id)))
    }

    /// An entity of the type of those that calls name, with an empty id.
    pub(crate) fn without_id(&self) -> EntityUid {
        EntityUid::from_type_name_and_id(self.entity_type.clone(), EntityId::new(""))
    }

    /// The entity in Cedar syntax for the record, with a redacted id if the inventory redacts it.
    pub(crate) fn recorded(&self, arguments: Option<&Object<'_>>) -> Option<String> {
        let id = self.id(arguments?)?;
        let id = if self.redact { REDACTED } else { &*id };
        let id = if is_plain(id) { id.into() } else { Cow::Owned(id.escape_debug().to_string()) };
        Some([&*self.type_name, "::\"", &*id, "\""].concat())
    }

    fn id<'a>(&self, arguments: &'a Object<'_>) -> Option<Cow<'a, str>> {
        let value = arguments.find(&self.path)?;
        id(&value::of_kind(&self.kind, value, &mut Walk::of(None, usize::MAX)).ok()?, value)
    }
}

/// Every interpretation of a dotted path, as the fields that lead to its end.
pub(super) fn find<'a>(record: &'a Record, path: &str) -> Vec<Vec<(&'a str, &'a Field)>> {
    let mut found = Vec::new();
    collect(record, path, &[], &mut found);
    found
}

fn collect<'a>(
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
            (Some(rest), Some(inner)) => collect(inner, rest, &fields, found),
            (_, _) => {}
        }
    }
}

/// Whether the text of a value can serve as the id: a date, for example, has several spellings.
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
        | Kind::Variants(_)
        | Kind::Opaque(_) => false,
    }
}

/// A string is used unchanged; `3` and `3.0` are one integer.
fn id<'a>(argument: &ArgumentValue<'_>, value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    if let ArgumentValue::Long(number) = argument {
        return Some(number.to_string().into());
    }
    value.as_str().map(Cow::Borrowed)
}
