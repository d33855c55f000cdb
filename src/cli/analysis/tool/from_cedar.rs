//! Converts a Cedar value of `context.input` back to arguments.

use cedar_policy::EvalResult;
use serde_json::{Map, Number, Value};

use crate::tool::Tool;
use crate::tool::argument::{Argument, Kind, Record, projection};
use crate::tool::number::Range;

impl Tool {
    /// Arguments for which `context.input` is `input`, if there are any. Strings that the tool does
    /// not accept are replaced by others that it does.
    pub(in crate::cli) fn written(&self, input: &EvalResult) -> Option<Value> {
        members(&self.input, input)
    }
}

fn members(record: &Record, input: &EvalResult) -> Option<Value> {
    let EvalResult::Record(input) = input else { return None };
    let mut object = Map::new();
    for (name, field) in &record.fields {
        match input.get(name) {
            Some(value) => {
                object.insert(name.clone(), of_kind(&field.argument.kind, value)?);
            }
            None if field.required => {
                object.insert(name.clone(), absent(&field.argument)?);
            }
            None => {}
        }
    }
    Some(Value::Object(object))
}

/// The value that counts as absent although it is present.
fn absent(argument: &Argument) -> Option<Value> {
    argument.nullable.then_some(Value::Null)
}

fn of_kind(kind: &Kind, value: &EvalResult) -> Option<Value> {
    match (kind, value) {
        (Kind::Bool(_), EvalResult::Bool(value)) => Some(Value::Bool(*value)),
        (Kind::Long(_), EvalResult::Long(value)) => Some(Value::Number((*value).into())),
        (Kind::Decimal(_), EvalResult::ExtensionValue(value)) => decimal(value),
        (Kind::Text(text), EvalResult::String(value) | EvalResult::ExtensionValue(value)) => {
            text.written(value).map(Value::String)
        }
        (Kind::Enum(values), EvalResult::EntityUid(uid)) => {
            let (value, _) = values.values.iter().find(|(_, known)| *known == uid)?;
            Some(Value::String(value.clone()))
        }
        (Kind::Set(set), EvalResult::Set(elements)) => {
            let items = &set.items.kind;
            let mut all =
                elements.iter().map(|value| of_kind(items, value)).collect::<Option<Vec<_>>>()?;
            // Values that count as absent add no element to the set, and neither do duplicates.
            let more = if set.items.nullable { Some(Value::Null) } else { all.last().cloned() };
            if let (Some(min), Some(more), false) = (set.min, more, set.unique) {
                all.resize(all.len().max(min), more);
            }
            Some(Value::Array(all))
        }
        (Kind::Tuple(arguments), EvalResult::Record(elements)) => {
            let element = |(position, argument): (usize, &Argument)| {
                elements
                    .get(projection(position))
                    .map_or_else(|| absent(argument), |value| of_kind(&argument.kind, value))
            };
            arguments.iter().enumerate().map(element).collect::<Option<_>>().map(Value::Array)
        }
        (Kind::Record(record), value) => members(record, value),
        (Kind::Union(choices), EvalResult::Record(readings)) => choices
            .iter()
            .find_map(|choice| of_kind(&choice.kind, readings.get(choice.attribute())?)),
        (Kind::Variants(variants), EvalResult::Record(readings)) => {
            variants.of.iter().find_map(|(name, kind)| of_kind(kind, readings.get(name)?))
        }
        (_, _) => None,
    }
}

/// A number, with a decimal point only if necessary, as most clients write it.
fn decimal(value: &str) -> Option<Value> {
    let text = value.strip_prefix("decimal(\"")?.strip_suffix("\")")?;
    Range::default().decimal(text).ok()?;
    let number: Number = match text.strip_suffix(".0000").or_else(|| text.strip_suffix(".0")) {
        Some(whole) => whole.parse::<i64>().ok()?.into(),
        None => Number::from_f64(text.parse().ok()?)?,
    };
    Some(Value::Number(number))
}
