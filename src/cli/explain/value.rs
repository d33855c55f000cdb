//! Prints Cedar values in Cedar syntax, over several lines if they are long.

use cedar_policy::EvalResult;
use serde_json::Value;

/// Longer lines are broken.
const WIDTH: usize = 88;

/// Prints a value that starts in this column; records and sets that are too long are broken into
/// lines.
pub(super) fn text(value: &EvalResult, column: usize) -> String {
    let inline = inline(value);
    if column.saturating_add(inline.chars().count()) <= WIDTH {
        return inline;
    }
    let inner = column.saturating_add(2);
    let (open, close, items): (_, _, Vec<String>) = match value {
        EvalResult::Set(set) => ('[', ']', set.iter().map(|item| text(item, inner)).collect()),
        EvalResult::Record(record) => {
            let member = |(name, value): (&String, &EvalResult)| {
                let name = key(name);
                let column = inner.saturating_add(name.chars().count()).saturating_add(2);
                format!("{name}: {}", text(value, column))
            };
            ('{', '}', record.iter().map(member).collect())
        }
        EvalResult::Bool(_)
        | EvalResult::Long(_)
        | EvalResult::String(_)
        | EvalResult::EntityUid(_)
        | EvalResult::ExtensionValue(_) => return inline,
    };
    let margin = " ".repeat(inner);
    let items = items.join(&format!(",\n{margin}"));
    format!("{open}\n{margin}{items},\n{:column$}{close}", "")
}

/// A value as JSON; what JSON has no type for is Cedar text.
pub(super) fn json(value: &EvalResult) -> Value {
    match value {
        EvalResult::Bool(value) => (*value).into(),
        EvalResult::Long(number) => (*number).into(),
        EvalResult::String(text) => text.as_str().into(),
        EvalResult::Set(set) => set.iter().map(json).collect(),
        EvalResult::Record(record) => {
            Value::Object(record.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
        EvalResult::EntityUid(_) | EvalResult::ExtensionValue(_) => value.to_string().into(),
    }
}

fn inline(value: &EvalResult) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        EvalResult::Set(set) => format!("[{}]", list(set.iter().map(inline).collect())),
        EvalResult::Record(record) => {
            let members =
                record.iter().map(|(name, value)| format!("{}: {}", key(name), inline(value)));
            format!("{{{}}}", list(members.collect()))
        }
        EvalResult::Bool(_)
        | EvalResult::Long(_)
        | EvalResult::String(_)
        | EvalResult::EntityUid(_)
        | EvalResult::ExtensionValue(_) => value.to_string(),
    }
}

fn key(name: &str) -> String {
    let mut bytes = name.bytes();
    let plain = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { name.to_owned() } else { format!("{name:?}") }
}
