//! Checks and types every argument of a call in one walk.
//!
//! Cedar's own JSON is not used, because callers could name entities in it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::allowance::Allowance;
use super::argument::{Argument, Choice, Enumeration, Kind, Record, Set, projection};
use super::unfit::Unfit;
use crate::json::{Object, Value};
use crate::policy::ArgumentValue;

/// The maximum length of an unknown member's name in messages.
const MAX_NAME: usize = 64;
/// The maximum number of enumeration values in messages.
const MAX_VALUES: usize = 12;

/// An argument that the tool's schema does not allow, with a message for the caller.
///
/// The message never contains the argument's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    path: String,
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Unknown,
    Missing,
    Must(String),
    /// It fits the schema, but no Cedar value equals it.
    Inexact(String),
    TooMany,
}

impl ArgumentError {
    fn at(name: &str, fault: Fault) -> Self {
        Self { path: name.to_owned(), fault }
    }

    fn must(words: impl Into<String>) -> Self {
        Self { path: String::new(), fault: Fault::Must(words.into()) }
    }

    fn too_many() -> Self {
        Self { path: String::new(), fault: Fault::TooMany }
    }

    /// Whether the argument fits the schema and only policies cannot read it.
    fn is_inexact(&self) -> bool {
        matches!(self.fault, Fault::Inexact(_))
    }

    /// Whether the arguments exceeded the limit of values.
    pub fn is_too_many(&self) -> bool {
        self.fault == Fault::TooMany
    }

    fn within(mut self, name: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{separator}{}", self.path);
        self
    }

    /// The message for the record, without names that the caller chose.
    pub fn for_record(&self) -> String {
        match self.fault {
            Fault::Unknown => "an argument is not known to the tool".to_owned(),
            Fault::Missing | Fault::Must(_) | Fault::Inexact(_) | Fault::TooMany => {
                self.to_string()
            }
        }
    }

    /// The path of the argument, such as `contact.emails[0]`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "argument `{}` ", printable(&self.path))?;
        match &self.fault {
            Fault::Unknown => formatter.write_str("is not known to the tool"),
            Fault::Missing => formatter.write_str("is required"),
            Fault::Must(words) | Fault::Inexact(words) => write!(formatter, "must be {words}"),
            Fault::TooMany => formatter.write_str("is where the arguments have too many values"),
        }
    }
}

impl std::error::Error for ArgumentError {}

impl From<Unfit> for ArgumentError {
    fn from(unfit: Unfit) -> Self {
        let fault = match unfit {
            Unfit::Schema(words) => Fault::Must(words),
            Unfit::Inexact(words) => Fault::Inexact(words),
        };
        Self { path: String::new(), fault }
    }
}

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
    left: Allowance,
    /// The members that lead to the current value.
    path: Vec<&'a str>,
    /// How many lists and unions the current value is in. Such a value has no path of its own.
    inside: usize,
    inexact: Vec<Inexact<'a>>,
}

impl Walk<'_> {
    pub(super) fn of(values: usize) -> Self {
        Self { left: Allowance::of(values), path: Vec::new(), inside: 0, inexact: Vec::new() }
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
    let mut walk = Walk::of(values);
    let value = match arguments {
        Some(object) => members(record, object, &mut walk)?,
        None => without(record)?,
    };
    Ok(Input { value, inexact: walk.inexact })
}

/// Checks a call without arguments.
fn without(record: &Record) -> Result<ArgumentValue<'_>, ArgumentError> {
    match record.fields.iter().find(|(_, field)| field.required) {
        Some((name, _)) => Err(ArgumentError::at(name, Fault::Missing)),
        None => Ok(ArgumentValue::Record(Vec::new())),
    }
}

fn members<'a>(
    record: &'a Record,
    object: &'a Object<'_>,
    walk: &mut Walk<'a>,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    if let Some(name) = object.keys().find(|name| !record.fields.contains_key(*name)) {
        let shown: String = name.chars().take(MAX_NAME).collect();
        return Err(ArgumentError::at(&shown, Fault::Unknown));
    }
    let mut attributes = Vec::with_capacity(object.len());
    let mut inexact = None;
    for (name, field) in &record.fields {
        let Some(value) = object.get(name) else {
            if field.required {
                return Err(ArgumentError::at(name, Fault::Missing));
            }
            continue;
        };
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
        (_, _) => Err(ArgumentError::must(expected(kind))),
    }
}

fn entity<'a>(
    enumeration: &'a Enumeration,
    value: &str,
) -> Result<ArgumentValue<'a>, ArgumentError> {
    let Some(entity) = enumeration.values.get(value) else {
        if enumeration.values.len() > MAX_VALUES {
            return Err(ArgumentError::must("one of its declared values"));
        }
        let values: Vec<_> =
            enumeration.values.keys().map(|value| format!("`{}`", printable(value))).collect();
        return Err(ArgumentError::must(format!("one of {}", values.join(", "))));
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

/// Escapes a name so that it cannot break the line it is printed on.
fn printable(name: &str) -> String {
    let quote = |letter: char| matches!(letter, '"' | '\'' | '\\');
    let mut printable = String::with_capacity(name.len());
    for letter in name.chars() {
        if quote(letter) {
            printable.push(letter);
        } else {
            printable.extend(letter.escape_debug());
        }
    }
    printable
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
        Kind::Union(_) | Kind::Opaque(_) => "of one of its declared types",
    }
}
