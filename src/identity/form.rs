//! The forms in which claims hold several texts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How a claim holds texts, such as roles.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// An array of strings.
    #[default]
    List,
    /// One string with words separated by spaces.
    Words,
    /// The names of an object's members.
    Keys,
}

impl Form {
    /// Whether this is the default, which documents leave out.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn is_list(&self) -> bool {
        *self == Self::List
    }

    /// What a claim of this form is, for messages.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::List => "an array of strings",
            Self::Words => "a string of words",
            Self::Keys => "an object whose members are all present",
        }
    }

    /// The texts of a claim; `None` if it does not have this form.
    pub(super) fn read(self, claim: &Value) -> Option<Vec<&str>> {
        match self {
            Self::List => claim.as_array()?.iter().map(Value::as_str).collect(),
            Self::Words => Some(claim.as_str()?.split_ascii_whitespace().collect()),
            // What a member without a value says is not clear.
            Self::Keys => claim.as_object()?.iter().map(granted).collect(),
        }
    }

    /// A claim of this form with these texts.
    pub fn write(self, texts: &[&str]) -> Value {
        match self {
            Self::List => json!(texts),
            Self::Words => json!(texts.join(" ")),
            Self::Keys => {
                let members = texts.iter().map(|text| ((*text).to_owned(), json!({})));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

fn granted<'a>((name, value): (&'a String, &Value)) -> Option<&'a str> {
    let has_value = match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(_) => true,
    };
    has_value.then_some(name)
}
