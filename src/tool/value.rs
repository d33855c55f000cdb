//! Checks and types every argument of a call in one walk.
//!
//! Cedar's own JSON is not used, because callers could name entities in it.

use std::borrow::Cow;
use std::collections::HashSet;

use super::allowance::Allowance;
use super::argument::{Argument, Choice, Enumeration, Kind, Record, Set, Variants, projection};
use super::argument_error::{ArgumentError, one_of};
use crate::json::{Object, Value};
use crate::policy::ArgumentValue;

/// The arguments of a call as policies see them.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// `context.input`, a record.
    pub value: ArgumentValue<'a>,
    /// The arguments that fit the schema but are not in it, because no Cedar value equals theirs. A
    /// call in which a policy reads one must be refused.
    pub inexact: Vec<Inexact<'a>>,
}

/// An argument that policies cannot read.
#[derive(Clone, Debug)]
pub struct Inexact<'a> {
    /// The members that lead to it, from `context.input`.
    pub path: Vec<&'a str>,
    /// What its value would have to be.
    pub error: ArgumentError,
}

/// The state of the walk through the arguments of one call.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// All arguments: one can choose the type of another.
    arguments: Option<&'a Object<'a>>,
    left: Allowance,
    /// The members that lead to the current value.
    path: Vec<&'a str>,
    /// How many lists, unions and values of a chosen type the current value is in. Such a value has
    /// no path of its own.
    inside: usize,
    inexact: Vec<Inexact<'a>>,
}

impl<'a> Walk<'a> {
    pub(super) fn of(arguments: Option<&'a Object<'a>>, values: usize) -> Self {
        let left = Allowance::of(values);
        Self { arguments, left, path: Vec::new(), inside: 0, inexact: Vec::new() }
    }

    /// Takes one value with this many bytes of text.
    fn take(&mut self, bytes: usize) -> Result<(), ArgumentError> {
        self.left.take(bytes).ok_or_else(ArgumentError::too_many)
    }
}

/// Builds `context.input`.
pub(super) fn input<'a>(
    record: &'a Record,
    arguments: Option<&'a Object<'_>>,
    values: usize,
) -> Result<Input<'a>, ArgumentError> {
    let mut walk = Walk::of(arguments, values);
    let value = match arguments {
        Some(object) => members(record, object, &mut walk)?,
        None => without(record)?,
    };
    Ok(Input { value, inexact: walk.inexact })
}

/// Checks a call without arguments.
fn without(record: &Record) -> Result<ArgumentValue<'_>, ArgumentError> {
    match record.fields.iter().find(|(_, field)| field.required) {
        Some((name, _)) => Err(ArgumentError::missing(name)),
        None => Ok(ArgumentValue::Record(Vec::new())),
    }
}

fn members<'a>(
    record: &'a Record,
    object: &'a Object<'_>,
    walk: &mut Walk<'a>,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    let mut named = 0;
    let value = fields(record, object, walk, &mut named);
    // Most often all members are fields. The error about another one goes before those of fields.
    if (value.is_err() || named < object.len())
        && let Some(name) = object.keys().find(|name| !record.takes(name))
    {
        return Err(ArgumentError::unknown(name));
    }
    value
}

/// Checks the members that are fields, and counts them.
fn fields<'a>(
    record: &'a Record,
    object: &'a Object<'_>,
    walk: &mut Walk<'a>,
    named: &mut usize,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    // Members that policies do not see reserve nothing.
    let mut attributes = Vec::with_capacity(object.len().min(record.fields.len()));
    let mut inexact = None;
    for (name, field) in &record.fields {
        let Some(value) = object.get(name) else {
            if field.required {
                return Err(ArgumentError::missing(name));
            }
            continue;
        };
        *named = named.saturating_add(1);
        walk.path.push(name);
        let value = argument(&field.argument, value, walk).map_err(|error| error.within(name));
        // Also after an error: another choice of a union may fit.
        walk.path.pop();
        match value {
            Ok(value) => attributes.extend(value.map(|value| (Cow::from(name), value))),
            Err(error) if !error.is_inexact() => return Err(error),
            Err(error) if walk.inside > 0 => inexact = inexact.or(Some(error)),
            Err(error) => {
                let error = walk.path.iter().rev().fold(error, |error, outer| error.within(outer));
                let path = walk.path.iter().copied().chain([name.as_str()]).collect();
                walk.inexact.push(Inexact { path, error });
            }
        }
    }
    inexact.map_or(Ok(ArgumentValue::Record(attributes)), Err)
}

/// The value of an argument; `None` for `null` and opaque arguments, which policies do not see.
fn argument<'a>(
    argument: &'a Argument,
    value: &'a Value<'_>,
    walk: &mut Walk<'a>,
) -> Result<Option<ArgumentValue<'a>>, ArgumentError> {
    if argument.is_hidden() {
        return Ok(None);
    }
    if argument.nullable && value.is_null() {
        walk.take(0)?;
        return Ok(None);
    }
    of_kind(&argument.kind, value, walk).map(Some)
}

/// Checks a value other than `null`.
pub(super) fn of_kind<'a>(
    kind: &'a Kind,
    value: &'a Value<'_>,
    walk: &mut Walk<'a>,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    walk.take(value.as_str().map_or(0, str::len))?;
    match (kind, value) {
        (Kind::Bool(only), Value::Bool(value)) if only.is_none_or(|only| only == *value) => {
            Ok(ArgumentValue::Bool(*value))
        }
        (Kind::Long(range), Value::Number(number)) => {
            Ok(ArgumentValue::Long(range.long(number.as_str())?))
        }
        (Kind::Decimal(range), Value::Number(number)) => {
            Ok(ArgumentValue::Decimal(range.decimal(number.as_str())?))
        }
        (Kind::Text(text), Value::String(value)) => Ok(text.value(value)?),
        (Kind::Enum(enumeration), Value::String(value)) => entity(enumeration, value),
        (Kind::Set(set), Value::Array(elements)) => elements_of(set, elements, walk),
        (Kind::Tuple(arguments), Value::Array(elements)) => projections(arguments, elements, walk),
        (Kind::Record(record), Value::Object(object)) => members(record, object, walk),
        (Kind::Union(choices), _) => readings(choices, value, walk),
        (Kind::Variants(variants), _) => variant(variants, value, walk),
        (_, _) => Err(ArgumentError::must(expected(kind))),
    }
}

fn entity<'a>(
    enumeration: &'a Enumeration,
    value: &str,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    let Some(entity) = enumeration.values.get(value) else {
        return Err(ArgumentError::must(one_of(enumeration.values.keys())));
    };
    Ok(ArgumentValue::Entity(entity.as_ref()))
}

fn elements_of<'a>(
    set: &'a Set,
    elements: &'a [Value<'_>],
    walk: &mut Walk<'a>,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    if let Some(min) = set.min.filter(|min| elements.len() < *min) {
        return Err(ArgumentError::must(format!("a list of {min} or more")));
    }
    if let Some(max) = set.max.filter(|max| elements.len() > *max) {
        return Err(ArgumentError::must(format!("a list of up to {max}")));
    }
    if set.unique && repeats(elements, walk)? {
        return Err(ArgumentError::must("a list without repetition"));
    }
    // Elements without a value are not in the list, so their number reserves nothing.
    let mut values = Vec::new();
    let mut inexact = None;
    for (position, element) in elements.iter().enumerate() {
        match in_list(&set.items, position, element, walk) {
            Ok(value) => values.extend(value),
            Err(error) if error.is_inexact() => inexact = inexact.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    inexact.map_or(Ok(ArgumentValue::Set(values)), Err)
}

/// Whether an element occurs twice.
fn repeats(elements: &[Value<'_>], walk: &mut Walk<'_>) -> Result<bool, ArgumentError> {
    let mut seen = HashSet::new();
    for element in elements {
        let text = element.canonical();
        walk.take(text.len())?;
        if !seen.insert(text) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn projections<'a>(
    arguments: &'a [Argument],
    elements: &'a [Value<'_>],
    walk: &mut Walk<'a>,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    if arguments.len() != elements.len() {
        return Err(ArgumentError::must(format!("a list of exactly {}", arguments.len())));
    }
    let mut attributes = Vec::with_capacity(arguments.len());
    let mut inexact = None;
    for (position, (argument, element)) in arguments.iter().zip(elements).enumerate() {
        match in_list(argument, position, element, walk) {
            Ok(value) => {
                attributes.extend(value.map(|value| (projection(position).into(), value)));
            }
            Err(error) if error.is_inexact() => inexact = inexact.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    inexact.map_or(Ok(ArgumentValue::Record(attributes)), Err)
}

fn in_list<'a>(
    items: &'a Argument,
    position: usize,
    element: &'a Value<'_>,
    walk: &mut Walk<'a>,
) -> Result<Option<ArgumentValue<'a>>, ArgumentError> {
    walk.inside = walk.inside.saturating_add(1);
    let value = argument(items, element, walk);
    walk.inside = walk.inside.saturating_sub(1);
    value.map_err(|error| error.within(&format!("[{position}]")))
}

/// Sets the attribute of every type that the value fits, because the tool may interpret it as any
/// of them.
fn readings<'a>(
    choices: &'a [Choice],
    value: &'a Value<'_>,
    walk: &mut Walk<'a>,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    let mut attributes = Vec::new();
    let mut errors = Vec::new();
    let mut inexact = None;
    for choice in choices {
        walk.inside = walk.inside.saturating_add(1);
        let reading = of_kind(&choice.kind, value, walk);
        walk.inside = walk.inside.saturating_sub(1);
        match reading {
            Ok(reading) => attributes.push((choice.attribute().into(), reading)),
            Err(error) if error.is_too_many() => return Err(error),
            Err(error) if error.is_inexact() => inexact = inexact.or(Some(error)),
            Err(error) if choice.kind.admits(value) => errors.push(error),
            Err(_) => {}
        }
    }
    if let Some(inexact) = inexact {
        return Err(inexact);
    }
    match (attributes.is_empty(), errors.pop(), errors.is_empty()) {
        (false, _, _) => Ok(ArgumentValue::Record(attributes)),
        (true, Some(only), true) => Err(only),
        (true, _, _) => Err(ArgumentError::must("of one of its declared types")),
    }
}

/// Sets the attribute of the type that another argument chooses, and no other attribute.
fn variant<'a>(
    variants: &'a Variants,
    value: &'a Value<'_>,
    walk: &mut Walk<'a>,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    let (name, kind) = chosen(variants, walk.arguments)?;
    walk.inside = walk.inside.saturating_add(1);
    let value = of_kind(kind, value, walk);
    walk.inside = walk.inside.saturating_sub(1);
    Ok(ArgumentValue::Record(vec![(name.into(), value?)]))
}

/// The type that the arguments choose. The error is about the argument that chooses.
fn chosen<'a>(
    variants: &'a Variants,
    arguments: Option<&Object<'_>>,
) -> Result<(&'a str, &'a Kind), ArgumentError> {
    let value = arguments.and_then(|arguments| arguments.find(&variants.by));
    let error = match value {
        None => ArgumentError::missing(""),
        Some(Value::String(name)) => match variants.of.get_key_value(&**name) {
            Some((name, kind)) => return Ok((name, kind)),
            None => ArgumentError::must(one_of(variants.of.keys())),
        },
        Some(_) => ArgumentError::must("a string"),
    };
    Err(error.of(&variants.by))
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool(None) => "true or false",
        Kind::Bool(Some(true)) => "true",
        Kind::Bool(Some(false)) => "false",
        Kind::Long(_) => "an integer",
        Kind::Decimal(_) => "a number",
        Kind::Text(_) | Kind::Enum(_) => "a string",
        Kind::Set(_) | Kind::Tuple(_) => "a list",
        Kind::Record(_) => "an object",
        Kind::Union(_) | Kind::Variants(_) | Kind::Opaque(_) => "of one of its declared types",
    }
}
