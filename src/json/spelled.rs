//! Compares a text with a value without reading it.

use super::text::are_plain_and_equal;
use super::{Object, Value};

impl Value<'_> {
    /// Whether a text is this value, with the same members in the same order and the same numbers,
    /// however spaced. It can be the same value although this is false: strings with escapes are not
    /// compared.
    ///
    /// The text is then one that the reader accepts, since it has the value's depth, its number of
    /// values, and no duplicate keys.
    pub fn is_spelled(&self, text: &str) -> bool {
        let mut rest = Rest(text.as_bytes());
        rest.takes_value(self) && rest.after_space().is_empty()
    }
}

/// What is left of a text.
struct Rest<'t>(&'t [u8]);

impl<'t> Rest<'t> {
    fn takes_value(&mut self, value: &Value<'_>) -> bool {
        self.after_space();
        match value {
            Value::Null => self.takes("null"),
            Value::Bool(true) => self.takes("true"),
            Value::Bool(false) => self.takes("false"),
            // A longer number fails at the bracket or comma that has to follow.
            Value::Number(number) => self.takes(number.as_str()),
            Value::String(string) => self.takes_string(string),
            Value::Array(elements) => self.takes_array(elements),
            Value::Object(object) => self.takes_object(object),
            Value::Raw(_) => false,
        }
    }

    fn takes_array(&mut self, elements: &[Value<'_>]) -> bool {
        let mut before = "[";
        for element in elements {
            if !self.takes_token(before) || !self.takes_value(element) {
                return false;
            }
            before = ",";
        }
        (before == "," || self.takes_token(before)) && self.takes_token("]")
    }

    fn takes_object(&mut self, object: &Object<'_>) -> bool {
        let mut before = "{";
        for (name, value) in object.iter() {
            let is_named = self.takes_token(before) && {
                self.after_space();
                self.takes_string(name)
            };
            if !is_named || !self.takes_token(":") || !self.takes_value(value) {
                return false;
            }
            before = ",";
        }
        (before == "," || self.takes_token(before)) && self.takes_token("}")
    }

    fn takes_string(&mut self, string: &str) -> bool {
        let [b'"', rest @ ..] = self.0 else { return false };
        let Some((taken, [b'"', rest @ ..])) = rest.split_at_checked(string.len()) else {
            return false;
        };
        self.0 = rest;
        are_plain_and_equal(taken, string.as_bytes())
    }

    fn takes_token(&mut self, token: &str) -> bool {
        self.after_space();
        self.takes(token)
    }

    fn takes(&mut self, expected: &str) -> bool {
        let rest = self.0.strip_prefix(expected.as_bytes());
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn after_space(&mut self) -> &'t [u8] {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

    use proptest::prelude::*;

    use crate::json::{Value, read_body};

    const VALUE: &str =
        r#"{"a":[1,-2.50,{}],"b":{"c":"x","d":null},"e":[],"f":[true,false],"g":"\u00e4"}"#;

    fn read(text: &str) -> Option<Value<'_>> {
        read_body(text.as_bytes(), 8, 1000).ok()
    }

    #[test]
    fn spaces_do_not_matter() {
        let value = read(VALUE).unwrap();
        let text = VALUE.replace("\\u00e4", "\u{e4}");
        assert!(value.is_spelled(&text));
        for space in [" ", "\n  ", "\r\n\t"] {
            let mut spaced = text.clone();
            for token in [":", ",", "[", "]", "{", "}"] {
                spaced = spaced.replace(token, &[space, token, space].concat());
            }
            assert!(value.is_spelled(&spaced), "{spaced}");
        }
        assert!(!value.is_spelled(VALUE), "escapes are not compared");
        assert!(!read(r#""a\"b""#).unwrap().is_spelled(r#""a"b""#));
    }

    proptest! {
        #[test]
        fn a_text_that_is_spelled_alike_is_the_same_value(
            at in 0..80_usize,
            dropped in 0..3_usize,
            added in "[]\\[{},:\"0-9.e -]{0,3}|null|\\\\u0078",
        ) {
            let text = VALUE.replace("\\u00e4", "x");
            let value = read(&text).unwrap();
            let mut other = text.clone();
            let start = at.min(other.len());
            other.replace_range(start..(start + dropped).min(text.len()), &added);
            if value.is_spelled(&other) {
                prop_assert_eq!(read(&other), Some(value));
            }
        }
    }
}
