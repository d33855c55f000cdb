//! Rejects duplicate members and numbers that are not in canonical spelling. Most parsers silently
//! keep one of two duplicate members, and reviewers may have read the other; a digest cannot tell
//! which of two spellings of a number was signed.
//!
//! The strict reader rejects them too, but it also refuses integers beyond 2^53, which a
//! configuration may contain.

use std::borrow::Cow;
use std::fmt;

use hashbrown::HashSet;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::normal;

/// Checks a JSON text for duplicate members and numbers in non-canonical spelling.
///
/// # Errors
///
/// An object has two members of the same name, a number is not spelled as in canonical JSON (RFC
/// 8785), or the text is not JSON.
pub fn unique(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str(text).map(|Looked| ())
}

/// A value that was checked and dropped.
struct Looked;

#[derive(Eq, Hash, PartialEq, serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Looked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Looked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<Name<'de>>()? {
            if let Some(Name(name)) = names.replace(name) {
                return Err(A::Error::custom(format!("duplicate member `{name}`")));
            }
            members.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self, E> {
        canonical(&number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self, E> {
        canonical(&number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("number out of range"))?;
        canonical(&number)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

/// Whether a number is in canonical spelling: `1.0` must be `1`.
fn canonical<E: Error>(number: &Number) -> Result<Looked, E> {
    match normal::number(number).map_err(E::custom)? {
        normal if normal == *number => Ok(Looked),
        normal => Err(E::custom(format!(
            "canonical JSON (RFC 8785) writes `{normal}` in place of this number"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn what_has_two_readings_is_found_however_it_is_written() {
        for (text, found) in [
            (r#"{"a": 1, "b": {"a": 2}, "c": [{"a": null}, {"a": true}]}"#, None),
            (r#"[1, -1, 1.5, "a", "\u0061", {}]"#, None),
            (r#"{"a": 1, "b": 2, "a": 1}"#, Some("duplicate member `a` at line 1 column 20")),
            (
                r#"[{"b": {"a": [], "\u0061": []}}]"#,
                Some("duplicate member `a` at line 1 column 25"),
            ),
            (r#"{"a": 1"#, Some("EOF while parsing an object at line 1 column 7")),
            (r"[0, -31403, 0.10, 2.5e-7, 1e21, 9007199254740994]", None),
            (
                r#"{"enum": [1.0]}"#,
                Some(
                    "canonical JSON (RFC 8785) writes `1` in place of this number at line 1 column 13",
                ),
            ),
            (
                "[1, 1e0]",
                Some(
                    "canonical JSON (RFC 8785) writes `1` in place of this number at line 1 column 7",
                ),
            ),
            (
                "[\n-0]",
                Some(
                    "canonical JSON (RFC 8785) writes `0` in place of this number at line 2 column 2",
                ),
            ),
            (
                "[9007199254740993]",
                Some(
                    "`9007199254740993` is `9007199254740992` in canonical JSON (RFC 8785), which has doubles only at line 1 column 17",
                ),
            ),
        ] {
            let error = unique(text).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), found, "{text}");
        }
    }
}
