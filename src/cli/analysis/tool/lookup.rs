//! Finds the type of an argument by the attribute names that policies use.

use crate::tool::argument::{Enumeration, Kind, Record, projection};

/// The enumeration of an argument, if it has one.
pub(super) fn enumeration<'a>(input: &'a Record, path: &[String]) -> Option<&'a Enumeration> {
    if let Kind::Enum(enumeration) = find(input, path)? { Some(enumeration) } else { None }
}

/// Whether the last attribute is present if another argument chooses it.
pub(super) fn is_chosen(input: &Record, path: &[String]) -> bool {
    let Some((last, outer)) = path.split_last() else { return false };
    let kind = find(input, outer);
    kind.is_some_and(
        |kind| matches!(kind, Kind::Variants(variants) if variants.of.contains_key(last)),
    )
}

fn find<'a>(input: &'a Record, path: &[String]) -> Option<&'a Kind> {
    let (name, rest) = path.split_first()?;
    within(&input.fields.get(name)?.argument.kind, rest)
}

fn within<'a>(kind: &'a Kind, path: &[String]) -> Option<&'a Kind> {
    let Some((name, rest)) = path.split_first() else { return Some(kind) };
    match kind {
        Kind::Record(record) => find(record, path),
        Kind::Tuple(elements) => {
            let mut named = (0_usize..).map(projection).zip(elements);
            let (_, element) = named.find(|(projection, _)| projection == name)?;
            within(&element.kind, rest)
        }
        Kind::Union(choices) => {
            let choice = choices.iter().find(|choice| choice.attribute() == *name)?;
            within(&choice.kind, rest)
        }
        Kind::Variants(variants) => within(variants.of.get(name)?, rest),
        Kind::Bool(_)
        | Kind::Long(_)
        | Kind::Decimal(_)
        | Kind::Text(_)
        | Kind::Enum(_)
        | Kind::Set(_)
        | Kind::Opaque(_) => None,
    }
}
