//! The arguments of a call as the record may show them.
//!
//! It has to work for arguments that were refused, so it follows the schema as far as the value
//! does: what the schema does not know could be anything, and is not shown.

use serde_json::{Map, Value as Shown};

use super::argument::{Field, Kind, Record};
use crate::json::{Object, Value};
use crate::record::REDACTED;

const UNKNOWN: &str = "[unknown]";

/// Copies arguments without what must not be recorded.
pub(super) fn input(record: &Record, arguments: Option<&Object<'_>>) -> Shown {
    members(&[record], arguments.unwrap_or(&Object::default()))
}

/// Members that the schema does not know are only counted: their names are the caller's, too.
fn members(records: &[&Record], object: &Object<'_>) -> Shown {
    let fields = |name: &str| -> Vec<&Field> {
        records.iter().filter_map(|record| record.fields.get(name)).collect()
    };
    let unknown = object.keys().filter(|name| fields(name).is_empty()).count();
    let member = |(name, value): (&str, &Value<'_>)| {
        let fields = fields(name);
        let shown = if fields.is_empty() {
            return None;
        } else if fields.iter().any(|field| field.redact) {
            REDACTED.into()
        } else {
            let kinds: Vec<_> =
                fields.iter().flat_map(|field| alternatives(&field.argument.kind)).collect();
            shown(&kinds, value)
        };
        Some((name.to_owned(), shown))
    };
    let counted = (unknown > 0).then(|| (UNKNOWN.to_owned(), unknown.into()));
    Shown::Object(object.iter().filter_map(member).chain(counted).collect())
}

fn shown(kinds: &[&Kind], value: &Value<'_>) -> Shown {
    if let Some(opaque) = kinds.iter().find_map(|kind| kind.as_opaque()) {
        let paths: Vec<_> = opaque.redact.iter().map(String::as_str).collect();
        return without(&paths, value);
    }
    match value {
        Value::Null => Shown::Null,
        Value::Object(object) => {
            let records: Vec<_> = kinds.iter().filter_map(|kind| kind.as_record()).collect();
            if records.is_empty() { UNKNOWN.into() } else { members(&records, object) }
        }
        Value::Array(elements) if kinds.iter().any(|kind| kind.admits(value)) => {
            let element = |(position, value)| shown(&elements_at(kinds, position), value);
            Shown::Array(elements.iter().enumerate().map(element).collect())
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_)
            if kinds.iter().any(|kind| kind.is_scalar()) =>
        {
            plain(value)
        }
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => UNKNOWN.into(),
    }
}

/// Copies a value of unknown structure, but for what the inventory says to redact in it.
fn without(paths: &[&str], value: &Value<'_>) -> Shown {
    match value {
        Value::Object(object) => {
            let member = |(name, value): (&str, &Value<'_>)| {
                let inner: Vec<_> =
                    paths.iter().filter_map(|path| path.strip_prefix(name)).collect();
                let shown = if inner.contains(&"") {
                    REDACTED.into()
                } else {
                    let inner: Vec<_> =
                        inner.into_iter().filter_map(|path| path.strip_prefix('.')).collect();
                    without(&inner, value)
                };
                (name.to_owned(), shown)
            };
            Shown::Object(object.iter().map(member).collect::<Map<_, _>>())
        }
        Value::Array(elements) => {
            Shown::Array(elements.iter().map(|element| without(paths, element)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => plain(value),
    }
}

fn plain(value: &Value<'_>) -> Shown {
    // What the strict reader accepts is JSON that serializes.
    serde_json::to_value(value).unwrap_or_else(|_| UNKNOWN.into())
}

/// The types that a value may have, the types of a union one by one.
fn alternatives(kind: &Kind) -> Vec<&Kind> {
    if let Kind::Union(choices) = kind {
        choices.iter().flat_map(|choice| alternatives(&choice.kind)).collect()
    } else {
        vec![kind]
    }
}

fn elements_at<'a>(kinds: &[&'a Kind], position: usize) -> Vec<&'a Kind> {
    let elements = kinds.iter().filter_map(|kind| kind.element(position));
    elements.flat_map(|element| alternatives(&element.kind)).collect()
}
