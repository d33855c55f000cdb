//! Texts of a result that repeat its data as JSON.

use std::collections::BTreeMap;

use super::parts::Parts;
use crate::bundle::Limits;
use crate::json::{self, Value};

/// What is known of the data that a text can repeat.
#[derive(Debug)]
pub(super) enum Known {
    /// The result has no structured data.
    Nothing,
    /// Every text repeats the data as it is, and this is shown in its place.
    Repeated(String),
    /// For the canonical JSON of the data, and of parts of it that servers write alone, what is shown
    /// in its place; `None` if that is nothing.
    Forms(BTreeMap<String, Option<String>>),
}

impl Known {
    /// Withholds parts of the data, and keeps in which forms these texts can repeat it.
    pub(super) fn withholding(
        data: &mut Value<'_>,
        parts: &Parts<'_>,
        texts: &[Option<&str>],
        limits: Limits,
    ) -> Self {
        // Most servers write the same data twice, which takes no canonical form to find out.
        let repeats =
            |text: &str| data.is_spelled(text) || read(text, limits).as_ref() == Some(&*data);
        if texts.iter().flatten().all(|text| repeats(text)) {
            parts.withhold(data);
            let longest = texts.iter().flatten().map(|text| text.len()).max();
            let shown = longest.map_or_else(String::new, |size| data.to_json(size));
            if longest.is_some() {
                // It is not written again.
                *data = Value::Raw(shown.clone().into());
            }
            return Self::Repeated(shown);
        }
        let before: Vec<String> = fragments(data).map(Value::canonical).collect();
        parts.withhold(data);
        let sizes = before.iter().map(String::len).chain(std::iter::repeat(0));
        let after: Vec<_> = fragments(data).zip(sizes).map(|(it, size)| it.to_json(size)).collect();
        let is_whole = before.len() == after.len();
        let after = after.into_iter().map(Some).chain(std::iter::repeat(None));
        let forms = before.into_iter().zip(after);
        // Where items were dropped, they are not in their places.
        let forms = forms
            .enumerate()
            .map(|(at, (before, after))| (before, after.filter(|_| at == 0 || is_whole)));
        Self::Forms(forms.collect())
    }

    /// What is shown of one of these texts; `None` if it is withheld.
    pub(super) fn shown(&self, text: &str, parts: &Parts<'_>, limits: Limits) -> Option<String> {
        match self {
            Self::Repeated(shown) => Some(shown.clone()),
            Self::Forms(forms) => {
                // A string can stand there as it is.
                let value = read(text, limits).unwrap_or_else(|| Value::String(text.into()));
                let plain = || Value::String(text.into()).canonical();
                let shown = forms.get(&value.canonical()).or_else(|| forms.get(&plain()))?;
                shown.clone()
            }
            Self::Nothing => match read(text, limits)? {
                mut value @ (Value::Object(_) | Value::Array(_)) => {
                    let is_read = parts.withhold_from_fragment(&mut value);
                    is_read.then(|| value.to_json(text.len()))
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Raw(_) => None,
            },
        }
    }
}

/// The JSON that a text is.
fn read(text: &str, limits: Limits) -> Option<Value<'_>> {
    json::read_body(text.as_bytes(), limits.depth, limits.response_values()).ok()
}

/// The data, the value of its only member `result`, and the items of either: what servers write into
/// texts.
fn fragments<'v, 'a>(data: &'v Value<'a>) -> impl Iterator<Item = &'v Value<'a>> {
    let result = data.as_object().filter(|object| object.len() == 1);
    let result = result.and_then(|object| object.get("result"));
    let items = result.unwrap_or(data).as_array().unwrap_or_default();
    std::iter::once(data).chain(result).chain(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::{ResultPath, Withheld};

    /// What is shown of a text beside structured data, or without it.
    fn shown(path: &str, data: Option<&str>, text: &str) -> Option<String> {
        let path = ResultPath::parse(path).unwrap();
        let parts = Parts::new([(&path, Withheld::Mask, "pii")]);
        let limits = Limits::default();
        let known = data.map_or(Known::Nothing, |data| {
            let mut data = json::read(data.as_bytes(), 16).unwrap();
            Known::withholding(&mut data, &parts, &[Some(text), None], limits)
        });
        known.shown(text, &parts, limits)
    }

    #[test]
    fn a_text_that_repeats_the_data_is_masked_like_it() {
        let masked = |text: &str| Some(text.to_owned());
        let data = r#"{"a":"x","b":1.0}"#;
        let expected = masked(r#"{"a":"[withheld: pii]","b":1.0}"#);
        assert_eq!(shown("a", Some(data), data), expected);
        assert_eq!(shown("a", Some(data), "{\n \"b\": 1,\n \"a\": \"x\" }"), expected);
        let list = r#"{"result":[{"a":"x"},{"a":"y"}]}"#;
        let item = masked(r#"{"a":"[withheld: pii]"}"#);
        assert_eq!(shown("result[].a", Some(list), r#"{"a":"y"}"#), item);
        assert_eq!(
            shown("result[].a", Some(list), r#"[{"a":"x"},{"a":"y"}]"#).unwrap(),
            r#"[{"a":"[withheld: pii]"},{"a":"[withheld: pii]"}]"#
        );
        assert_eq!(shown("x", Some(r#"{"result":"plain"}"#), "plain"), masked("\"plain\""));
        assert_eq!(
            shown("result", Some(r#"{"result":"plain"}"#), "plain"),
            masked("\"[withheld: pii]\"")
        );
    }

    #[test]
    fn a_text_that_says_something_else_is_withheld() {
        let data = Some(r#"{"a":"x","b":1}"#);
        for text in [
            "x",
            "a: x",
            r#"{"a":"x"}"#,
            r#"{"a":"x","b":1,"c":2}"#,
            "1",
            "",
            r#"{"a":"x","a":"x","b":1}"#,
        ] {
            assert_eq!(shown("a", data, text), None, "{text}");
        }
    }

    #[test]
    fn without_data_a_text_of_json_is_read_in_every_way() {
        let masked = |text: &str| Some(text.to_owned());
        let item = masked(r#"{"a":"[withheld: pii]","b":1}"#);
        for path in ["a", "result.a", "result[].a", "[].a"] {
            assert_eq!(shown(path, None, r#"{"a":"x","b":1}"#), item, "{path}");
        }
        for text in ["x", "\"x\"", "1", "a: x", "{"] {
            assert_eq!(shown("a", None, text), None, "{text}");
        }
        assert_eq!(shown("result[]", None, r#"{"a":"x"}"#), masked("\"[withheld: pii]\""));
        assert_eq!(shown("result[].a", None, "[]"), masked("[]"));
        // The part is not there, so that it can be anywhere.
        for text in [r#"[{"a":"x"}]"#, r#"{"data":{"a":"x"}}"#, "{}"] {
            assert_eq!(shown("a", None, text), None, "{text}");
        }
    }
}
