//! In which forms an argument can carry arguments.

use serde_json::{Map, Value as Schema};

/// The number of references and unions in each other that are followed.
const FOLLOWED: usize = 16;

/// The forms in which an argument may carry arguments, by its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forms {
    pub(super) object: bool,
    /// A string with JSON text.
    pub(super) text: bool,
}

impl Forms {
    const ANY: Self = Self { object: true, text: true };
    pub(super) const NONE: Self = Self { object: false, text: false };

    /// The forms that one of these schemas admits. References lead into `root`.
    pub(super) fn of(root: &Schema, schemas: &[&Schema]) -> Self {
        let forms = schemas.iter().map(|schema| Self::admitted(root, schema, FOLLOWED));
        forms.fold(Self::NONE, Self::or)
    }

    fn admitted(root: &Schema, schema: &Schema, left: usize) -> Self {
        let Some(left) = left.checked_sub(1) else { return Self::NONE };
        let Some(keywords) = schema.as_object() else { return Self::ANY };
        let inner = |schema: &Schema| Self::admitted(root, schema, left);
        if let Some(reference) = keywords.get("$ref") {
            let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
            let target = pointer.and_then(|pointer| root.pointer(pointer));
            return target.map_or(Self::NONE, inner);
        }
        let members = |keyword| keywords.get(keyword).and_then(Schema::as_array);
        let own = Self::by_type(keywords);
        let one = ["anyOf", "oneOf"].into_iter().filter_map(members);
        let one = one.map(|members| members.iter().map(inner).fold(Self::NONE, Self::or));
        let all = members("allOf").into_iter().flatten().map(inner);
        one.chain(all).fold(own, Self::and)
    }

    /// The forms that `type` admits, or the values, if there are any.
    fn by_type(keywords: &Map<String, Schema>) -> Self {
        if let Some(types) = keywords.get("type") {
            let has = |name| {
                let named = types.as_array().is_some_and(|types| types.iter().any(|t| t == name));
                named || types == name
            };
            return Self { object: has("object"), text: has("string") };
        }
        let constant = keywords.get("const").map(std::slice::from_ref);
        let values = constant.or_else(|| Some(keywords.get("enum")?.as_array()?.as_slice()));
        values.map_or(Self::ANY, |values| Self {
            object: values.iter().any(Schema::is_object),
            text: values.iter().any(Schema::is_string),
        })
    }

    fn or(self, other: Self) -> Self {
        Self { object: self.object || other.object, text: self.text || other.text }
    }

    fn and(self, other: Self) -> Self {
        Self { object: self.object && other.object, text: self.text && other.text }
    }

    /// What a value must be.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self { object: true, text: true } => "an object, or a string with its JSON text",
            Self { object: false, .. } => "a string with the JSON text of an object",
            Self { object: true, text: false } => "an object",
        }
    }
}
