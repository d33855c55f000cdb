//! The arguments of a call that policies do not see.

use std::collections::BTreeSet;

use crate::json::{Object, Value};
use crate::tool::argument::{Kind, Record};

/// Their dotted paths; elements of a list have the path of the list.
pub(super) fn paths(input: &Record, arguments: &Object<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    members(input, arguments, "", &mut found);
    found
}

fn members(record: &Record, object: &Object<'_>, path: &str, found: &mut BTreeSet<String>) {
    for (name, value) in object.iter() {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match record.fields.get(name) {
            Some(field) => collect(&field.argument.kind, value, path, found),
            None if record.rest.is_some() => drop(found.insert(path)),
            None => {}
        }
    }
}

fn collect(kind: &Kind, value: &Value<'_>, path: String, found: &mut BTreeSet<String>) {
    match kind {
        // Policies about the inner tool see what it carries.
        Kind::Opaque(opaque) if opaque.carries.is_some() => {}
        Kind::Opaque(_) => drop(found.insert(path)),
        Kind::Record(record) => {
            if let Some(object) = value.as_object() {
                members(record, object, &path, found);
            }
        }
        Kind::Set(_) | Kind::Tuple(_) => {
            for (position, element) in value.as_array().into_iter().flatten().enumerate() {
                if let Some(argument) = kind.element(position) {
                    collect(&argument.kind, element, path.clone(), found);
                }
            }
        }
        Kind::Union(choices) => {
            for choice in choices {
                collect(&choice.kind, value, path.clone(), found);
            }
        }
        Kind::Variants(variants) => {
            for kind in variants.of.values() {
                collect(kind, value, path.clone(), found);
            }
        }
        Kind::Bool(_) | Kind::Long(_) | Kind::Decimal(_) | Kind::Text(_) | Kind::Enum(_) => {}
    }
}
