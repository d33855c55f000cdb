//! Random types, their schemas, and values that fit or do not fit them.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Names of members, all with distinct Cedar names.
const NAMES: [&str; 14] = [
    "stage",
    "a b",
    "in",
    "Action",
    "User",
    "größe",
    "2x",
    "x-y",
    "__cedar",
    "Long",
    "",
    "say \"hi\"",
    "back\\slash",
    "typeChoice0",
];
/// Values of enumerations and other strings.
const STRINGS: [&str; 8] = ["", "a", "\"", "\\", "🦀", "line\nbreak", "__entity", "${a}"];
/// Formats, each with two valid values.
const FORMATS: [(&str, [&str; 2]); 6] = [
    ("date", ["2024-02-29", "9999-12-31"]),
    ("date-time", ["2024-02-29T23:59:59.999+14:00", "0000-01-01T00:00:00Z"]),
    ("duration", ["P1DT2H3M4.5S", "-P3W"]),
    ("ipv4", ["0.0.0.0", "255.255.255.255"]),
    ("ipv6", ["::", "2001:db8::1:2"]),
    ("decimal", ["-0.0001", "922337203685477.5807"]),
];

/// Keywords and names for random schemas.
const KEYWORDS: [&str; 26] = [
    "type",
    "enum",
    "const",
    "$ref",
    "$defs",
    "properties",
    "required",
    "items",
    "prefixItems",
    "anyOf",
    "oneOf",
    "allOf",
    "additionalProperties",
    "minimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "pattern",
    "format",
    "maxItems",
    "uniqueItems",
    "x-mcp-header",
    "not",
    "a",
    "stage",
    "in",
];
/// String values for random schemas.
const WORDS: [&str; 16] = [
    "string",
    "integer",
    "number",
    "boolean",
    "array",
    "object",
    "null",
    "date",
    "duration",
    "#/$defs/a",
    "#/properties/stage",
    "#",
    "a",
    "[",
    "",
    "stage",
];

/// A type.
#[derive(Clone, Debug)]
pub(crate) enum Model {
    Bool,
    Long(i64, i64),
    Number(i64),
    Text,
    Format(usize),
    Enum(usize),
    List(Box<Model>),
    Tuple(Vec<Model>),
    Object(Vec<(usize, Model, bool)>),
    Union(Vec<Model>),
    Nullable(Box<Model>),
}

/// The choices that a test case makes.
#[derive(Debug)]
pub(crate) struct Choices(pub(crate) std::vec::IntoIter<u8>);

impl Choices {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.0.next().unwrap_or_default()).checked_rem(limit).unwrap_or_default()
    }
}

/// Arguments nested up to three levels.
pub(crate) fn arguments() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        Just(Model::Bool),
        (-50..50_i64, 0..50_i64).prop_map(|(min, size)| Model::Long(min, min.saturating_add(size))),
        (1..1_000_i64).prop_map(Model::Number),
        Just(Model::Text),
        (0..FORMATS.len()).prop_map(Model::Format),
        (1..=STRINGS.len()).prop_map(Model::Enum),
    ];
    let model = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| Model::List(Box::new(items))),
            inner.clone().prop_map(|inner| Model::Nullable(Box::new(inner))),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Model::Tuple),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Model::Union),
            object(inner),
        ]
    });
    object(model)
}

/// Random JSON made of schema keywords and values, with an object as the root.
pub(crate) fn keywords() -> impl Strategy<Value = Value> {
    let word = (0..WORDS.len()).prop_map(|word| json!(WORDS[word]));
    let number = prop_oneof![Just(json!(0)), Just(json!(-1)), Just(json!(0.3)), Just(json!(1e300))];
    let leaf = prop_oneof![4 => word, 1 => number, 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)];
    let value = leaf.prop_recursive(6, 60, 5, |inner| {
        let members = prop::collection::vec((0..KEYWORDS.len(), inner.clone()), 0..5);
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            3 => members.prop_map(of_members),
        ]
    });
    let properties = prop::collection::vec((0..KEYWORDS.len(), value.clone()), 1..4);
    (value, properties.prop_map(of_members)).prop_map(|(definition, properties)| {
        json!({ "type": "object", "properties": properties, "$defs": { "a": definition } })
    })
}

fn of_members(members: Vec<(usize, Value)>) -> Value {
    members.into_iter().map(|(name, value)| (KEYWORDS[name].to_owned(), value)).collect()
}

fn object(member: impl Strategy<Value = Model>) -> impl Strategy<Value = Model> {
    let members = prop::collection::vec((0..NAMES.len(), member, any::<bool>()), 0..4);
    members.prop_map(|mut members| {
        members.sort_by_key(|(name, _, _)| *name);
        members.dedup_by_key(|(name, _, _)| *name);
        Model::Object(members)
    })
}

impl Model {
    /// The JSON Schema of the type.
    pub(crate) fn schema(&self) -> Value {
        match self {
            Self::Bool => json!({ "type": "boolean" }),
            Self::Long(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Number(max) => {
                json!({ "type": "number", "exclusiveMinimum": max.saturating_neg(), "maximum": max })
            }
            Self::Text => json!({ "type": "string", "maxLength": 10 }),
            Self::Format(format) => json!({ "type": "string", "format": FORMATS[*format].0 }),
            Self::Enum(count) => json!({ "type": "string", "enum": STRINGS[..*count] }),
            Self::List(items) => json!({ "type": "array", "items": items.schema() }),
            Self::Tuple(items) => {
                json!({ "type": "array", "prefixItems": items.iter().map(Self::schema).collect::<Vec<_>>() })
            }
            Self::Object(members) => {
                let properties: Map<_, _> = members
                    .iter()
                    .map(|(name, model, _)| (NAMES[*name].to_owned(), model.schema()))
                    .collect();
                let required = members.iter().filter(|(_, _, required)| *required);
                let required: Vec<_> = required.map(|(name, _, _)| NAMES[*name]).collect();
                json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
            }
            Self::Union(types) => {
                json!({ "anyOf": types.iter().map(Self::schema).collect::<Vec<_>>() })
            }
            Self::Nullable(inner) => json!({ "anyOf": [inner.schema(), { "type": "null" }] }),
        }
    }

    /// A value of the type.
    pub(crate) fn value(&self, choices: &mut Choices) -> Value {
        match self {
            Self::Bool => json!(choices.below(2) == 1),
            Self::Long(min, max) => json!(if choices.below(2) == 0 { min } else { max }),
            Self::Number(max) => {
                [json!(max), json!(0), json!(0.25), json!(-0.0001)][choices.below(4)].clone()
            }
            Self::Text => json!(STRINGS[choices.below(STRINGS.len())]),
            Self::Format(format) => json!(FORMATS[*format].1[choices.below(2)]),
            Self::Enum(count) => json!(STRINGS[choices.below(*count)]),
            Self::List(items) => (0..choices.below(3)).map(|_| items.value(choices)).collect(),
            Self::Tuple(items) => items.iter().map(|item| item.value(choices)).collect(),
            Self::Object(members) => {
                let mut object = Map::new();
                for (name, model, required) in members {
                    if *required || choices.below(2) == 1 {
                        object.insert(NAMES[*name].to_owned(), model.value(choices));
                    }
                }
                Value::Object(object)
            }
            Self::Union(types) => types[choices.below(types.len())].value(choices),
            Self::Nullable(inner) => {
                if choices.below(3) == 0 {
                    Value::Null
                } else {
                    inner.value(choices)
                }
            }
        }
    }

    /// A value with one part that does not fit the type.
    pub(crate) fn misfit(&self, choices: &mut Choices) -> Value {
        let fits_nothing = || [json!({ "nope": 1 }), json!([[{ "nope": 1 }], [[]], {}])];
        let misfit = fits_nothing()[choices.below(2)].clone();
        match self {
            Self::List(items) if choices.below(2) == 0 => {
                let mut list: Vec<_> =
                    (0..choices.below(3)).map(|_| items.value(choices)).collect();
                list.push(items.misfit(choices));
                Value::Array(list)
            }
            Self::Tuple(items) if choices.below(2) == 0 => {
                let mut list: Vec<_> = items.iter().map(|item| item.value(choices)).collect();
                if choices.below(2) == 0 {
                    list[0] = items[0].misfit(choices);
                } else {
                    list.push(json!(1));
                }
                Value::Array(list)
            }
            Self::Object(members) => {
                let mut object = self.value(choices);
                match members.get(choices.below(members.len().saturating_add(1))) {
                    None => object["nope"] = json!(1),
                    Some((name, _, true)) if choices.below(2) == 0 => {
                        object.as_object_mut().expect("an object").remove(NAMES[*name]);
                    }
                    Some((name, model, _)) => object[NAMES[*name]] = model.misfit(choices),
                }
                object
            }
            Self::Nullable(inner) => inner.misfit(choices),
            Self::Long(_, max) if choices.below(2) == 0 => json!(max.saturating_add(1)),
            Self::Number(max) if choices.below(2) == 0 => json!(max.saturating_neg()),
            Self::Text if choices.below(2) == 0 => json!("eleven long"),
            Self::Format(_) | Self::Enum(_) if choices.below(2) == 0 => json!("neither"),
            Self::Bool
            | Self::Long(..)
            | Self::Number(_)
            | Self::Text
            | Self::Format(_)
            | Self::Enum(_)
            | Self::List(_)
            | Self::Tuple(_)
            | Self::Union(_) => misfit,
        }
    }
}
