//! Cedar conditions that hold for the arguments of every evaluated call.

use crate::tool::Tool;
use crate::tool::argument::{Argument, Kind, Record, projection};
use crate::tool::resource::Source;

impl Tool {
    /// Conditions that `context.input` always fulfils. They are weaker than the check of a call:
    /// Cedar cannot express patterns and lengths.
    pub(in crate::cli) fn conditions(&self) -> Vec<String> {
        record(&self.input, "context.input")
    }

    /// Holds for arguments that name this resource; `None` if the resource is the server.
    pub(in crate::cli) fn names_resource(&self, id: &str) -> Option<String> {
        let source = self.resource.as_ref()?;
        Some(source.condition(id).unwrap_or_else(|| "false".to_owned()))
    }

    /// Whether both tools map the same arguments to the same values.
    pub(in crate::cli) fn reads_like(&self, other: &Self) -> bool {
        // The debug format of a compiled pattern contains its source.
        format!("{:?}", self.input) == format!("{:?}", other.input)
    }
}

impl Source {
    /// Holds if the argument is this id; `None` if that is impossible.
    fn condition(&self, id: &str) -> Option<String> {
        let names = self.path.iter().map(|name| format!("[{}]", quoted(name)));
        let place = format!("context.input{}", names.collect::<String>());
        let value = match &self.kind {
            Kind::Enum(enumeration) => enumeration.values.get(id)?.to_string(),
            Kind::Long(_) => {
                let number: i64 = id.parse().ok()?;
                (number.to_string() == id).then_some(number)?.to_string()
            }
            Kind::Text(_) => quoted(id),
            Kind::Bool(_)
            | Kind::Decimal(_)
            | Kind::Set(_)
            | Kind::Tuple(_)
            | Kind::Record(_)
            | Kind::Union(_)
            | Kind::Opaque(_) => return None,
        };
        Some(format!("{place} == {value}"))
    }
}

fn record(record: &Record, path: &str) -> Vec<String> {
    let fields = record.fields.iter().flat_map(|(name, field)| {
        let conditions = member(path, name, &field.argument);
        optional(conditions, path, name, field.is_certain())
    });
    fields.collect()
}

fn member(path: &str, name: &str, argument: &Argument) -> Vec<String> {
    of_kind(&argument.kind, &format!("{path}[{}]", quoted(name)))
}

fn optional(conditions: Vec<String>, path: &str, name: &str, certain: bool) -> Vec<String> {
    let guarded = |condition| format!("if {path} has {} then {condition} else true", quoted(name));
    if certain { conditions } else { conditions.into_iter().map(guarded).collect() }
}

fn of_kind(kind: &Kind, path: &str) -> Vec<String> {
    match kind {
        Kind::Bool(only) => only.iter().map(|only| format!("{path} == {only}")).collect(),
        Kind::Long(range) => range.conditions_of_long(path),
        Kind::Decimal(range) => range.conditions_of_decimal(path),
        Kind::Text(text) => text.conditions(path),
        Kind::Set(set) => {
            let some = set.min.is_some_and(|min| min > 0) && !set.items.nullable;
            some.then(|| format!("!{path}.isEmpty()")).into_iter().collect()
        }
        Kind::Record(inner) => record(inner, path),
        Kind::Tuple(arguments) => {
            let arguments = arguments.iter().enumerate().flat_map(|(position, argument)| {
                let name = projection(position);
                optional(member(path, &name, argument), path, &name, !argument.nullable)
            });
            arguments.collect()
        }
        Kind::Union(choices) => {
            let choices = choices.iter().flat_map(|choice| {
                let name = choice.attribute();
                let conditions = of_kind(&choice.kind, &format!("{path}[{}]", quoted(&name)));
                optional(conditions, path, &name, false)
            });
            choices.collect()
        }
        Kind::Enum(_) | Kind::Opaque(_) => Vec::new(),
    }
}

/// A Cedar string literal.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
