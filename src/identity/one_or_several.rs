//! A value that is written alone or as a list.

use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// One value or a list of at least one. It keeps the form in which it is written, since a digest
/// covers that form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OneOrSeveral<T> {
    /// A single value.
    One(T),
    /// A list.
    Several(Vec<T>),
}

impl<T> Deref for OneOrSeveral<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }
}

impl<T: Serialize> Serialize for OneOrSeveral<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::Several(values) => values.serialize(serializer),
        }
    }
}

/// Not derived as an untagged enum, which would lose the error of the inner value.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrSeveral<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor(PhantomData))
    }
}

struct FormVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FormVisitor<T> {
    type Value = OneOrSeveral<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("one value or a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(text)).map(OneOrSeveral::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(OneOrSeveral::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self::Value, A::Error> {
        let values = Vec::deserialize(SeqAccessDeserializer::new(elements))?;
        if values.is_empty() {
            return Err(A::Error::custom("the list is empty: leave it out, or name something"));
        }
        Ok(OneOrSeveral::Several(values))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::identity::{ClaimPath, ParentMapping};

    #[track_caller]
    fn check<T: Serialize + for<'de> Deserialize<'de>>(
        value: &Value,
        outcome: Result<usize, &str>,
    ) {
        match (serde_json::from_value::<OneOrSeveral<T>>(value.clone()), outcome) {
            (Ok(read), Ok(length)) => {
                assert_eq!((read.len(), &serde_json::to_value(&read).unwrap()), (length, value));
            }
            (Err(error), Err(message)) => assert_eq!(error.to_string(), message),
            (read, _) => panic!("{value}: {}", read.is_ok()),
        }
    }

    #[test]
    fn the_form_is_kept_and_errors_are_those_of_the_value() {
        check::<ClaimPath>(&json!("azp"), Ok(1));
        check::<ClaimPath>(&json!(["azp"]), Ok(1));
        check::<ClaimPath>(&json!(["azp", "appid"]), Ok(2));
        check::<ClaimPath>(&json!([]), Err("the list is empty: leave it out, or name something"));
        check::<ClaimPath>(&json!("a."), Err("`a.` is not a claim path: a step of it is empty"));
        check::<ClaimPath>(
            &json!(7),
            Err("invalid type: integer `7`, expected one value or a list"),
        );
        let parent = json!({ "claim": "roles", "type": "Role", "optional": false });
        check::<ParentMapping>(&parent, Ok(1));
        check::<ParentMapping>(&json!([parent, parent]), Ok(2));
        check::<ParentMapping>(&json!({ "claim": "roles" }), Err("missing field `type`"));
    }
}
