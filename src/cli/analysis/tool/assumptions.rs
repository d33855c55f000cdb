//! Cedar conditions that hold for the arguments of every evaluated call.

use crate::tool::Tool;
use crate::tool::argument::{Kind, Record, Variants, projection};
use crate::tool::resource::Source;

/// The arguments in policies.
const INPUT: &str = "context.input";

impl Tool {
    /// Conditions that `context.input` always fulfils. They are weaker than the check of a call:
    /// Cedar cannot express patterns and lengths.
    pub(in crate::cli) fn conditions(&self) -> Vec<String> {
        Conditions { input: &self.input }.record(&self.input, INPUT)
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

    /// The same for one argument.
    pub(in crate::cli) fn reads_argument_like(&self, other: &Self, name: &str) -> bool {
        let [own, others] = [self, other].map(|tool| format!("{:?}", tool.input.fields.get(name)));
        own == others
    }
}

impl Source {
    /// Holds if the argument is this id; `None` if that is impossible.
    fn condition(&self, id: &str) -> Option<String> {
        let names = self.path.iter().map(|name| format!("[{}]", quoted(name)));
        let place = format!("{INPUT}{}", names.collect::<String>());
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
            | Kind::Variants(_)
            | Kind::Opaque(_) => return None,
        };
        Some(format!("{place} == {value}"))
    }
}

/// What holds for arguments of these types.
struct Conditions<'a> {
    /// All of them: one can choose the type of another.
    input: &'a Record,
}

impl Conditions<'_> {
    fn record(&self, record: &Record, path: &str) -> Vec<String> {
        let fields = record.fields.iter().flat_map(|(name, field)| {
            self.member(path, name, &field.argument.kind, field.is_certain())
        });
        fields.collect()
    }

    /// What holds for a member, if it is there.
    fn member(&self, path: &str, name: &str, kind: &Kind, certain: bool) -> Vec<String> {
        let conditions = self.of_kind(kind, &format!("{path}[{}]", quoted(name)));
        let guarded =
            |condition| format!("if {path} has {} then {condition} else true", quoted(name));
        if certain { conditions } else { conditions.into_iter().map(guarded).collect() }
    }

    fn of_kind(&self, kind: &Kind, path: &str) -> Vec<String> {
        match kind {
            Kind::Bool(only) => only.iter().map(|only| format!("{path} == {only}")).collect(),
            Kind::Long(range) => range.conditions_of_long(path),
            Kind::Decimal(range) => range.conditions_of_decimal(path),
            Kind::Text(text) => text.conditions(path),
            Kind::Set(set) => {
                let some = set.min.is_some_and(|min| min > 0) && !set.items.nullable;
                some.then(|| format!("!{path}.isEmpty()")).into_iter().collect()
            }
            Kind::Record(inner) => self.record(inner, path),
            Kind::Tuple(arguments) => {
                let arguments = arguments.iter().enumerate().flat_map(|(position, argument)| {
                    let name = projection(position);
                    self.member(path, &name, &argument.kind, !argument.nullable)
                });
                arguments.collect()
            }
            Kind::Union(choices) => {
                let choices = choices
                    .iter()
                    .flat_map(|choice| self.member(path, &choice.attribute(), &choice.kind, false));
                choices.collect()
            }
            Kind::Variants(variants) => self.variants(variants, path),
            Kind::Enum(_) | Kind::Opaque(_) => Vec::new(),
        }
    }

    /// Exactly one type is there, and it is that of the argument that chooses.
    fn variants(&self, variants: &Variants, path: &str) -> Vec<String> {
        let has = |name: &String| format!("{path} has {}", quoted(name));
        let names: Vec<&String> = variants.of.keys().collect();
        let any =
            |names: &[&String]| names.iter().map(|name| has(name)).collect::<Vec<_>>().join(" || ");
        let mut conditions = vec![any(&names)];
        for (position, name) in names.iter().enumerate() {
            let later = names.get(position.saturating_add(1)..).unwrap_or_default();
            if !later.is_empty() {
                conditions.push(format!("!({} && ({}))", has(name), any(later)));
            }
            if let Some(chosen) = self.is_chosen(&variants.by, name) {
                conditions.push(format!("!({}) || ({chosen})", has(name)));
            }
        }
        for (name, kind) in &variants.of {
            conditions.extend(self.member(path, name, kind, false));
        }
        conditions
    }

    /// Holds if the argument that chooses has this value; `None` if it is inside of the other, whose
    /// types say so themselves.
    fn is_chosen(&self, by: &[String], value: &str) -> Option<String> {
        let kind = plain(self.input, by)?;
        let value = if let Kind::Enum(enumeration) = kind {
            enumeration.values.get(value)?.to_string()
        } else {
            quoted(value)
        };
        let mut place = INPUT.to_owned();
        let mut there = Vec::new();
        for name in by {
            there.push(format!("{place} has {}", quoted(name)));
            place = format!("{place}[{}]", quoted(name));
        }
        Some(format!("{} && {place} == {value}", there.join(" && ")))
    }
}

/// The type of the argument at a path that leads through objects only.
fn plain<'a>(record: &'a Record, path: &[String]) -> Option<&'a Kind> {
    let (name, rest) = path.split_first()?;
    let kind = &record.fields.get(name)?.argument.kind;
    if rest.is_empty() { Some(kind) } else { plain(kind.as_record()?, rest) }
}

/// A Cedar string literal.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
