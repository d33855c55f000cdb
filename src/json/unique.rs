//! Whether every object has each of its names once: of two members, readers that do not look keep
//! one, and people may have read the other.
//!
//! The strict reader looks, too, but refuses numbers that only some readers of a body understand.
//! Configurations have one reader, and may have any number of Cedar's.

use std::borrow::Cow;
use std::fmt;

use hashbrown::HashSet;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Looks through a text of JSON.
///
/// # Errors
///
/// Where an object has a second member of one name, or the text is no JSON.
pub fn unique(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str(text).map(|Looked| ())
}

/// A value that was looked through, of which nothing is kept.
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

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn a_name_that_stands_twice_in_one_object_is_found_however_it_is_written() {
        for (text, found) in [
            (r#"{"a": 1, "b": {"a": 2}, "c": [{"a": null}, {"a": true}]}"#, None),
            (r#"[1, -1, 1.5, "a", "\u0061", {}]"#, None),
            (r#"{"a": 1, "b": 2, "a": 1}"#, Some("duplicate member `a` at line 1 column 20")),
            (
                r#"[{"b": {"a": [], "\u0061": []}}]"#,
                Some("duplicate member `a` at line 1 column 25"),
            ),
            (r#"{"a": 1"#, Some("EOF while parsing an object at line 1 column 7")),
        ] {
            let error = unique(text).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), found, "{text}");
        }
    }
}
