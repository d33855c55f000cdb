//! Redacts the arguments of a call for the record.
//!
//! Refused arguments are recorded too, so this follows the schema only as far as the value does.
//! Members that the schema does not know could hold anything and are not shown. What the bundle
//! passes on unread is shown, except what it redacts and what has the name of a secret.

use super::alike::folded;
use super::argument::{Argument, Field, Kind, Record, Rest};
use super::secret::is_telling;
use crate::json::{self, Object, REDACTED, Rendered, Value};

const UNKNOWN: &str = "[unknown]";
/// Stands in a path for every member of a value of unknown structure.
const ANY: &str = "*";

/// Larger than most arguments.
const USUAL: usize = 512;

/// Writes the redacted arguments; `None` if the result is longer than `longest` bytes.
pub(super) fn input(
    record: &Record,
    arguments: Option<&Object<'_>>,
    carried: Option<&str>,
    longest: usize,
) -> Option<Rendered> {
    let mut shown = Shown { text: String::with_capacity(USUAL), carried, longest };
    shown.members(&[record], arguments.unwrap_or(&Object::default()))?;
    Some(Rendered::new(shown.text))
}

/// The output so far. Every step stops when it is too long.
struct Shown<'c> {
    text: String,
    /// What is shown in place of the arguments of an inner call.
    carried: Option<&'c str>,
    longest: usize,
}

impl Shown<'_> {
    /// Unknown members are only counted, because the caller chose their names too.
    fn members(&mut self, records: &[&Record], object: &Object<'_>) -> Option<()> {
        let rest = rest(records);
        let (mut unknown, mut counted) = (0_usize, false);
        let mut before = '{';
        for (name, value) in object.iter() {
            let (one, several);
            let fields = if let [record] = records {
                one = record.fields.get(name);
                one.as_slice()
            } else {
                several = fields(records, name);
                several.as_slice()
            };
            let rest = rest.filter(|rest| fields.is_empty() && rest.takes(name));
            if fields.is_empty() && rest.is_none() {
                unknown = unknown.saturating_add(1);
                continue;
            }
            self.name(before, name)?;
            before = ',';
            match (count(records, object, name), rest) {
                (Some(unknown), _) => {
                    self.put(&unknown.to_string())?;
                    counted = true;
                }
                (None, Some(rest)) => self.unread(&rest.opaque.paths(), name, value)?,
                (None, None) => self.field(fields, value)?,
            }
        }
        if unknown > 0 && !counted {
            self.name(before, UNKNOWN)?;
            self.put(&unknown.to_string())?;
        } else if before == '{' {
            self.text.push('{');
        }
        self.put("}")
    }

    fn field(&mut self, fields: &[&Field], value: &Value<'_>) -> Option<()> {
        if fields.iter().any(|field| field.redact) {
            return self.string(REDACTED);
        }
        self.typed(fields.iter().map(|field| &field.argument), value)
    }

    /// Writes a value that is expected to have one of these types.
    fn typed<'a>(
        &mut self,
        types: impl Iterator<Item = &'a Argument> + Clone,
        value: &Value<'_>,
    ) -> Option<()> {
        let mut first = types.clone();
        if let (Some(only), None) = (first.next(), first.next())
            && !matches!(only.kind, Kind::Union(_) | Kind::Variants(_))
        {
            return self.value(&[&only.kind], value);
        }
        self.value(&types.flat_map(|it| alternatives(&it.kind)).collect::<Vec<_>>(), value)
    }

    fn value(&mut self, kinds: &[&Kind], value: &Value<'_>) -> Option<()> {
        if let Some(opaque) = kinds.iter().find_map(|kind| kind.as_opaque()) {
            if opaque.carries.is_some() && !value.is_null() {
                return self.carried();
            }
            return self.without(&opaque.paths(), value);
        }
        match value {
            Value::Null => self.put("null"),
            Value::Object(object) => self.object(kinds, object),
            Value::Array(elements) if kinds.iter().any(|kind| kind.admits(value)) => {
                self.array(elements, |shown, position, element| {
                    let types = kinds.iter().filter_map(move |kind| kind.element(position));
                    shown.typed(types, element)
                })
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_)
                if kinds.iter().any(|kind| kind.is_scalar()) =>
            {
                self.scalar(value)
            }
            Value::Array(_)
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Raw(_) => self.string(UNKNOWN),
        }
    }

    /// Without their tool, it is not known what in them is redacted.
    fn carried(&mut self) -> Option<()> {
        match self.carried {
            Some(carried) => self.put(carried),
            None => self.string(UNKNOWN),
        }
    }

    fn object(&mut self, kinds: &[&Kind], object: &Object<'_>) -> Option<()> {
        if let [Kind::Record(record)] = kinds {
            return self.members(&[record], object);
        }
        let records: Vec<_> = kinds.iter().filter_map(|kind| kind.as_record()).collect();
        if records.is_empty() { self.string(UNKNOWN) } else { self.members(&records, object) }
    }

    /// Writes a member of unknown structure.
    fn unread<'p>(&mut self, paths: &[&'p str], name: &str, value: &Value<'_>) -> Option<()> {
        let is_whole = |rest: &&str| rest.is_empty() || rest.starts_with('.');
        let after = |path: &'p str, step| path.strip_prefix(step).filter(is_whole);
        let inner =
            || paths.iter().filter_map(|path| after(path, name).or_else(|| after(path, ANY)));
        // The tool may take a name that is like a redacted one for that.
        let is_like = |path: &&str| folded(path) == folded(name);
        if is_telling(name) || inner().any(str::is_empty) || paths.iter().any(is_like) {
            return self.string(REDACTED);
        }
        let inner: Vec<_> = inner().filter_map(|path| path.strip_prefix('.')).collect();
        self.without(&inner, value)
    }

    /// Writes a value of unknown structure, without the paths that the inventory redacts.
    fn without(&mut self, paths: &[&str], value: &Value<'_>) -> Option<()> {
        match value {
            Value::Object(object) => {
                let mut before = '{';
                for (name, value) in object.iter() {
                    self.name(before, name)?;
                    before = ',';
                    self.unread(paths, name, value)?;
                }
                self.put(if object.is_empty() { "{}" } else { "}" })
            }
            Value::Array(elements) => {
                self.array(elements, |shown, _, element| shown.without(paths, element))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.scalar(value)
            }
            Value::Raw(_) => self.string(UNKNOWN),
        }
    }

    fn array(
        &mut self,
        elements: &[Value<'_>],
        show: impl Fn(&mut Self, usize, &Value<'_>) -> Option<()>,
    ) -> Option<()> {
        self.text.push('[');
        for (position, element) in elements.iter().enumerate() {
            if position > 0 {
                self.text.push(',');
            }
            show(self, position, element)?;
        }
        self.put("]")
    }

    /// Writes a value that is neither an array nor an object.
    fn scalar(&mut self, value: &Value<'_>) -> Option<()> {
        match value {
            Value::Bool(true) => self.put("true"),
            Value::Bool(false) => self.put("false"),
            Value::Number(number) if number.has_one_spelling() => self.put(number.as_str()),
            Value::String(string) => self.string(string),
            Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) | Value::Raw(_) => {
                // What the strict reader accepts always serializes.
                self.put(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
            }
        }
    }

    fn name(&mut self, before: char, name: &str) -> Option<()> {
        self.text.push(before);
        self.string(name)?;
        self.text.push(':');
        Some(())
    }

    fn string(&mut self, string: &str) -> Option<()> {
        if string.len() > self.longest {
            return None;
        }
        json::quote(string, &mut self.text);
        self.fits()
    }

    fn put(&mut self, text: &str) -> Option<()> {
        self.text.push_str(text);
        self.fits()
    }

    fn fits(&self) -> Option<()> {
        (self.text.len() <= self.longest).then_some(())
    }
}

fn fields<'a>(records: &[&'a Record], name: &str) -> Vec<&'a Field> {
    records.iter().filter_map(|record| record.fields.get(name)).collect()
}

/// What members without a field are.
fn rest<'a>(records: &[&'a Record]) -> Option<&'a Rest> {
    records.iter().find_map(|record| record.rest.as_ref())
}

/// The count of unknown members, if it replaces the member of this name.
fn count(records: &[&Record], object: &Object<'_>, name: &str) -> Option<usize> {
    if name != UNKNOWN {
        return None;
    }
    let is_known = |name: &str| {
        !fields(records, name).is_empty() || rest(records).is_some_and(|rest| rest.takes(name))
    };
    let unknown = object.keys().filter(|name| !is_known(name)).count();
    (unknown > 0).then_some(unknown)
}

/// The possible types of a value, with unions expanded.
fn alternatives(kind: &Kind) -> Vec<&Kind> {
    if let Kind::Union(choices) = kind {
        choices.iter().flat_map(|choice| alternatives(&choice.kind)).collect()
    } else if let Kind::Variants(variants) = kind {
        // Refused arguments can choose none. Redaction does not depend on the choice.
        variants.of.values().flat_map(alternatives).collect()
    } else {
        vec![kind]
    }
}
