//! Arguments that every call must have.

use crate::tool::argument::{Kind, Record, projection};

/// Whether the last attribute is present whenever the others are.
pub(super) fn is_certain(input: &Record, path: &[String]) -> bool {
    let Some((name, rest)) = path.split_first() else { return true };
    let Some(field) = input.fields.get(name) else { return false };
    if rest.is_empty() { field.is_certain() } else { within(&field.argument.kind, rest) }
}

fn within(kind: &Kind, path: &[String]) -> bool {
    let Some((name, rest)) = path.split_first() else { return true };
    match kind {
        Kind::Record(record) => is_certain(record, path),
        Kind::Tuple(elements) => {
            let mut named = (0_usize..).map(projection).zip(elements);
            let element = named.find(|(projection, _)| projection == name);
            element.is_some_and(|(_, element)| match rest {
                [] => !element.nullable,
                _ => within(&element.kind, rest),
            })
        }
        // The caller chooses one.
        Kind::Union(choices) => {
            let choice = choices.iter().find(|choice| choice.attribute() == *name);
            !rest.is_empty() && choice.is_some_and(|choice| within(&choice.kind, rest))
        }
        Kind::Variants(variants) => {
            let kind = variants.of.get(name);
            !rest.is_empty() && kind.is_some_and(|kind| within(kind, rest))
        }
        Kind::Bool(_)
        | Kind::Long(_)
        | Kind::Decimal(_)
        | Kind::Text(_)
        | Kind::Enum(_)
        | Kind::Set(_)
        | Kind::Opaque(_) => false,
    }
}
