//! The Cedar schema of a tool: valid names, and the types of its arguments.
//!
//! The encoding is that of `cedar-policy-mcp-schema-generator`, with objects as records and numbers
//! as `decimal`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::argument::{Argument, Enumeration, Field, Kind, Record, projection};

/// Words that are not valid names in Cedar.
const RESERVED: [&str; 10] =
    ["true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"];

/// Cedar's own types. One of the same name would hide them, which Cedar reports.
const BUILT_IN: [&str; 7] = ["Bool", "Long", "String", "datetime", "decimal", "duration", "ipaddr"];

/// Entity types by namespace and name.
type Declarations<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Enumeration>>;

/// The namespace of a tool's types.
pub(super) fn namespace(server: &str, tool: &str) -> String {
    format!("{}::{}", identifier(server), identifier(tool))
}

/// The namespace of a method's types, which is none of a tool.
pub(super) fn method_namespace(server: &str, method: &str) -> String {
    format!("{}::method::{}", identifier(server), identifier(method))
}

/// An entity, if its type is a valid Cedar name.
pub(super) fn entity(entity_type: &str, id: &str) -> Option<EntityUid> {
    Some(EntityUid::from_type_name_and_id(entity_type.parse().ok()?, EntityId::new(id)))
}

/// Creates an enumeration named by the last part of `path`, in a namespace named by the others.
pub(super) fn enumeration<'a>(
    namespace: &str,
    path: &[String],
    taken: &BTreeSet<String>,
    values: impl IntoIterator<Item = &'a str>,
) -> Option<Enumeration> {
    let (last, path) = path.split_last()?;
    let mut namespace = format!("{namespace}::Input");
    for part in path {
        namespace = format!("{namespace}::{}", identifier(part));
    }
    let mut name = identifier(last);
    // Cedar reserves `Action`, and a type in a namespace must not have the name of one outside any.
    while name == "Action" || BUILT_IN.contains(&name.as_str()) || taken.contains(&name) {
        name.push('_');
    }
    let entity_type: EntityTypeName = format!("{namespace}::{name}").parse().ok()?;
    let entity = |value: &str| {
        let id = EntityId::new(value);
        (value.to_owned(), EntityUid::from_type_name_and_id(entity_type.clone(), id))
    };
    let values = values.into_iter().map(entity).collect();
    Some(Enumeration { namespace, name, values })
}

/// The namespaces and entity types of all enumerations in a record.
pub(super) fn declarations(record: &Record) -> String {
    let mut declarations = Declarations::new();
    for field in record.fields.values() {
        collect(&field.argument.kind, &mut declarations);
    }
    let mut text = String::new();
    for (namespace, types) in declarations {
        let _ = writeln!(text, "namespace {namespace} {{");
        for (name, enumeration) in types {
            let values: Vec<_> = enumeration.values.keys().map(|value| quoted(value)).collect();
            let _ = writeln!(text, "  entity {name} enum [{}];", values.join(", "));
        }
        text.push_str("}\n");
    }
    text
}

/// The type of a record.
pub(super) fn record_type(record: &Record) -> String {
    let visible = record.fields.iter().filter(|(_, field)| !field.argument.is_hidden());
    attributes(visible.map(|(name, field): (_, &Field)| {
        (attribute(name), field.is_certain(), type_of(&field.argument.kind))
    }))
}

fn type_of(kind: &Kind) -> String {
    match kind {
        Kind::Bool(_) => "Bool".to_owned(),
        Kind::Long(_) => "Long".to_owned(),
        Kind::Decimal(_) => "decimal".to_owned(),
        Kind::Text(text) => text.cedar_type().to_owned(),
        Kind::Enum(enumeration) => format!("{}::{}", enumeration.namespace, enumeration.name),
        Kind::Set(set) => format!("Set<{}>", type_of(&set.items.kind)),
        Kind::Tuple(arguments) => {
            let projections = arguments.iter().enumerate();
            attributes(projections.map(|(position, argument): (_, &Argument)| {
                (projection(position), !argument.nullable, type_of(&argument.kind))
            }))
        }
        Kind::Record(record) => record_type(record),
        Kind::Union(choices) => attributes(
            choices.iter().map(|choice| (choice.attribute(), false, type_of(&choice.kind))),
        ),
        Kind::Variants(variants) => attributes(
            variants.of.iter().map(|(name, kind)| (attribute(name), false, type_of(kind))),
        ),
        // Policies do not see opaque values, so nothing refers to this type.
        Kind::Opaque(_) => "{}".to_owned(),
    }
}

fn attributes(attributes: impl Iterator<Item = (String, bool, String)>) -> String {
    let attributes: Vec<_> = attributes
        .map(|(name, certain, kind)| format!("{name}{}: {kind}", if certain { "" } else { "?" }))
        .collect();
    if attributes.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", attributes.join(", ")) }
}

fn collect<'a>(kind: &'a Kind, declarations: &mut Declarations<'a>) {
    match kind {
        Kind::Enum(enumeration) => {
            let types = declarations.entry(&enumeration.namespace).or_default();
            // Of one type, an argument that chooses the schema of another may have fewer values.
            let known = types.entry(&enumeration.name).or_insert(enumeration);
            if known.values.len() < enumeration.values.len() {
                *known = enumeration;
            }
        }
        Kind::Set(set) => collect(&set.items.kind, declarations),
        Kind::Tuple(arguments) => {
            for argument in arguments {
                collect(&argument.kind, declarations);
            }
        }
        Kind::Record(record) => {
            for field in record.fields.values() {
                collect(&field.argument.kind, declarations);
            }
        }
        Kind::Union(choices) => {
            for choice in choices {
                collect(&choice.kind, declarations);
            }
        }
        Kind::Variants(variants) => {
            for kind in variants.of.values() {
                collect(kind, declarations);
            }
        }
        Kind::Bool(_) | Kind::Long(_) | Kind::Decimal(_) | Kind::Text(_) | Kind::Opaque(_) => {}
    }
}

fn attribute(name: &str) -> String {
    if identifier(name) == name { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// Converts a name to a similar one that is a valid Cedar identifier.
pub(super) fn identifier(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let mut identifier: String = name.chars().map(plain).collect();
    if identifier.is_empty() || identifier.starts_with(|first: char| first.is_ascii_digit()) {
        identifier.insert(0, '_');
    }
    if RESERVED.contains(&identifier.as_str()) {
        identifier.push('_');
    }
    identifier
}
