//! Finds an argument by the attribute names that policies use.

use crate::tool::argument::{Enumeration, Kind, Record, projection};

/// The enumeration of an argument, if it has one.
pub(super) fn enumeration<'a>(input: &'a Record, path: &[String]) -> Option<&'a Enumeration> {
    let (name, rest) = path.split_first()?;
    within(&input.fields.get(name)?.argument.kind, rest)
}

fn within<'a>(kind: &'a Kind, path: &[String]) -> Option<&'a Enumeration> {
    match (kind, path.split_first()) {
        (Kind::Enum(enumeration), None) => Some(enumeration),
        (Kind::Record(record), Some(_)) => enumeration(record, path),
        (Kind::Tuple(elements), Some((name, rest))) => {
            let mut named = (0_usize..).map(projection).zip(elements);
            let (_, element) = named.find(|(projection, _)| projection == name)?;
            within(&element.kind, rest)
        }
        (Kind::Union(choices), Some((name, rest))) => {
            let choice = choices.iter().find(|choice| choice.attribute() == *name)?;
            within(&choice.kind, rest)
        }
        _ => None,
    }
}
