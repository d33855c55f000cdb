//! Generates example arguments from their types for suggested test cases.

use std::collections::BTreeMap;

use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind};
use serde_json::{Map, Value};

use crate::policy::value::plain;
use crate::tool::argument::{Argument, Kind, Record, Set, Variants};
use crate::tool::number::Range;

/// Maximum number of values per argument.
const VALUES: usize = 8;
/// Maximum repetitions of a part of a pattern.
const REPEATED: u32 = 256;
/// One, in ten-thousandths.
const ONE: i64 = 10_000;

/// The values of the arguments that choose the type of others, by their paths.
type Chosen<'a> = BTreeMap<&'a [String], &'a str>;

/// The minimal arguments of a tool, then the same with one argument changed to another value; this
/// for each type that an argument can choose. Not all of them need to be valid.
pub(super) fn arguments(record: &Record) -> Vec<Value> {
    let mut variants = Vec::new();
    choices(record, &mut variants);
    let first = variants.iter().filter_map(|it| Some((&*it.by, it.of.keys().next()?.as_str())));
    let first: Chosen<'_> = first.collect();
    if first.is_empty() {
        return members(record, &first);
    }
    let each = variants.iter().flat_map(|it| it.of.keys().map(|value| (&*it.by, value.as_str())));
    let arguments = each.flat_map(|(by, value)| {
        let mut chosen = first.clone();
        chosen.insert(by, value);
        let mut arguments = members(record, &chosen);
        for arguments in &mut arguments {
            for (by, value) in &chosen {
                put(arguments, by, value);
            }
        }
        arguments
    });
    arguments.collect()
}

/// The values whose type another argument chooses.
fn choices<'a>(record: &'a Record, found: &mut Vec<&'a Variants>) {
    for field in record.fields.values() {
        choices_in(&field.argument.kind, found);
    }
}

fn choices_in<'a>(kind: &'a Kind, found: &mut Vec<&'a Variants>) {
    match kind {
        Kind::Set(set) => choices_in(&set.items.kind, found),
        Kind::Tuple(elements) => {
            for element in elements {
                choices_in(&element.kind, found);
            }
        }
        Kind::Record(record) => choices(record, found),
        Kind::Union(choices) => {
            for choice in choices {
                choices_in(&choice.kind, found);
            }
        }
        Kind::Variants(variants) => {
            found.push(variants);
            for kind in variants.of.values() {
                choices_in(kind, found);
            }
        }
        Kind::Bool(_)
        | Kind::Long(_)
        | Kind::Decimal(_)
        | Kind::Text(_)
        | Kind::Enum(_)
        | Kind::Opaque(_) => {}
    }
}

/// Sets the argument at a path, if the object that has it is there.
fn put(arguments: &mut Value, path: &[String], value: &str) {
    let Some((last, outer)) = path.split_last() else { return };
    let object = outer.iter().try_fold(arguments, |object, name| object.get_mut(name));
    if let Some(Value::Object(object)) = object {
        object.insert(last.clone(), value.into());
    }
}

fn members(record: &Record, chosen: &Chosen<'_>) -> Vec<Value> {
    let least: Map<String, Value> = record
        .fields
        .iter()
        .filter(|(_, field)| field.required)
        .filter_map(|(name, field)| {
            Some((name.clone(), values(&field.argument.kind, chosen).into_iter().next()?))
        })
        .collect();
    let visible = record.fields.iter().filter(|(_, field)| !field.argument.is_hidden());
    let others = visible.flat_map(|(name, field)| {
        let values = values(&field.argument.kind, chosen).into_iter();
        values.filter(|value| least.get(name) != Some(value)).map(|value| {
            let mut other = least.clone();
            other.insert(name.clone(), value);
            Value::Object(other)
        })
    });
    std::iter::once(Value::Object(least.clone())).chain(others).collect()
}

/// Some values of a type, the simplest first.
fn values(kind: &Kind, chosen: &Chosen<'_>) -> Vec<Value> {
    let mut values: Vec<Value> = match kind {
        Kind::Bool(Some(only)) => vec![(*only).into()],
        Kind::Bool(None) => vec![true.into(), false.into()],
        Kind::Long(range) => longs(range).collect(),
        Kind::Decimal(range) => decimals(range).collect(),
        Kind::Text(text) => text.samples().into_iter().map(Value::from).collect(),
        Kind::Enum(enumeration) => enumeration.values.keys().cloned().map(Value::from).collect(),
        Kind::Set(set) => sets(set, chosen),
        Kind::Tuple(elements) => {
            let element = |element: &Argument| values(&element.kind, chosen).into_iter().next();
            let elements = elements.iter().map(element);
            elements.collect::<Option<_>>().map(Value::Array).into_iter().collect()
        }
        Kind::Record(record) => members(record, chosen),
        Kind::Union(choices) => {
            choices.iter().flat_map(|choice| values(&choice.kind, chosen)).collect()
        }
        Kind::Variants(variants) => {
            let kind = chosen.get(&*variants.by).and_then(|value| variants.of.get(*value));
            kind.map(|kind| values(kind, chosen)).unwrap_or_default()
        }
        Kind::Opaque(_) => vec!["anything".into()],
    };
    values.truncate(VALUES);
    values
}

fn longs(range: &Range) -> impl Iterator<Item = Value> {
    let below = numbers(range).filter_map(|number| number.checked_div_euclid(ONE));
    let whole = below.flat_map(|number| [number, number.saturating_add(1)]);
    whole.filter(|number| range.long(&number.to_string()).is_ok()).map(Value::from)
}

fn decimals(range: &Range) -> impl Iterator<Item = Value> {
    let fits = numbers(range).filter(|number| range.decimal(&plain(*number)).is_ok());
    fits.filter_map(|number| match number.checked_rem(ONE) {
        Some(0) => number.checked_div(ONE).map(Value::from),
        _ => serde_json::from_str(plain(number).trim_end_matches('0')).ok(),
    })
}

/// One, the values in the schema, and small and large values, in ten-thousandths.
fn numbers(range: &Range) -> impl Iterator<Item = i64> {
    let named = range.named().filter_map(|number| i64::try_from(number).ok());
    let usual = [0, 100, 1_000, 1_000_000, -1].map(|number: i64| number.saturating_mul(ONE));
    std::iter::once(ONE).chain(named).chain(usual)
}

/// Sets with the minimum number of elements, but at least one element if that is allowed.
fn sets(set: &Set, chosen: &Chosen<'_>) -> Vec<Value> {
    let some = set.min.unwrap_or(0).max(1).min(set.max.unwrap_or(usize::MAX));
    let elements = values(&set.items.kind, chosen);
    if set.unique || some > elements.len() {
        let mut elements = elements;
        elements.truncate(some);
        return vec![Value::Array(elements)];
    }
    let of = |element: &Value| Value::Array(vec![element.clone(); some]);
    elements.iter().map(of).collect()
}

/// A short string that a pattern matches; `None` if none is found.
pub(super) fn matching(pattern: &str) -> Option<String> {
    text(&regex_syntax::parse(pattern).ok()?)
}

fn text(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(String::new()),
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        HirKind::Class(Class::Unicode(class)) => {
            let within = |letter: &char| {
                class.ranges().iter().any(|range| (range.start()..=range.end()).contains(letter))
            };
            let plain = ['a', '1', 'A', '-'].into_iter().find(within);
            plain.or_else(|| class.ranges().first().map(ClassUnicodeRange::start)).map(String::from)
        }
        HirKind::Repetition(part) if part.min <= REPEATED => {
            Some(text(&part.sub)?.repeat(usize::try_from(part.min).ok()?))
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Repetition(_) => None,
        HirKind::Capture(part) => text(&part.sub),
        HirKind::Concat(parts) => parts.iter().map(text).collect(),
        HirKind::Alternation(parts) => parts.iter().find_map(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::{Marks, Surroundings, Tool, read_tools};

    #[track_caller]
    fn check(property: &Value, expected: &Value) {
        let schema =
            json!({ "type": "object", "properties": { "x": property }, "required": ["x"] });
        let list = json!([{ "name": "t", "inputSchema": schema }]);
        let tools = read_tools(&list).expect("tools");
        let tool = Tool::new("s", "t", &tools[0], Marks::default(), &Surroundings::default())
            .expect("tool");
        assert_eq!(tool.examples().first(), Some(&json!({ "x": expected })), "{property}");
    }

    #[test]
    fn the_plainest_value_of_each_type() {
        for (property, expected) in [
            (json!({ "type": "boolean" }), json!(true)),
            (json!({ "type": "boolean", "const": false }), json!(false)),
            (json!({ "type": "integer" }), json!(1)),
            (json!({ "type": "integer", "minimum": 7 }), json!(7)),
            (json!({ "type": "integer", "exclusiveMaximum": -3 }), json!(-4)),
            (json!({ "type": "integer", "enum": [40, 50] }), json!(40)),
            (json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 0.5 }), json!(0.0001)),
            (json!({ "type": "string" }), json!("text")),
            (json!({ "type": "string", "minLength": 6 }), json!("texttext")),
            (json!({ "type": "string", "maxLength": 2 }), json!("te")),
            (json!({ "type": "string", "enum": ["b", "a"] }), json!("a")),
            (json!({ "type": "string", "format": "date" }), json!("2026-01-31")),
            (json!({ "type": "string", "format": "ipv6" }), json!("2001:db8::1")),
            (json!({ "type": "array", "items": { "type": "integer" } }), json!([1])),
            (
                json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2 }),
                json!([1, 1]),
            ),
            (
                json!({ "type": "array", "items": { "type": "boolean" }, "minItems": 2, "uniqueItems": true }),
                json!([true, false]),
            ),
            (
                json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "string" } }, "required": ["a"] }),
                json!({ "a": 1 }),
            ),
            (json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }), json!("text")),
        ] {
            check(&property, &expected);
        }
    }

    #[test]
    fn a_text_follows_its_pattern() {
        for (pattern, expected) in [
            (r"^p-\d+$", "p-1"),
            ("^(EUR|USD)$", "EUR"),
            ("^[A-Z]{2}[0-9]{3}$", "AA111"),
            (r"^[^@]+@[^@]+\.[a-z]{2,}$", "a@a.aa"),
            ("x{2,4}y?$", "xx"),
        ] {
            check(&json!({ "type": "string", "pattern": pattern }), &json!(expected));
        }
    }
}
