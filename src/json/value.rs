//! JSON values of the strict reader.

use std::borrow::Cow;

use serde::ser::{Error as _, Serialize, SerializeMap as _, Serializer};

use super::Number;

/// A JSON value that borrows from the document where possible.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in its original spelling.
    Number(Number<'a>),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object without duplicate keys.
    Object(Object<'a>),
    /// The JSON of a value that is only passed on: it was read before, or written. The readers return
    /// it only where `read_message` is told what was read before.
    Raw(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// The integer, if this is a number written without fraction and exponent.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.as_i64() } else { None }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The name of the JSON type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Raw(_) => "unread",
        }
    }
}

/// A JSON object in the order of the document.
///
/// INVARIANT (unique keys): no two members have the same unescaped key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(pub(super) Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets the value of a key, in its place or at the end.
    pub fn set(&mut self, key: &'static str, value: Value<'a>) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => self.0.push((key.into(), value)),
        }
    }

    /// Keeps the members for which the function is true; it can change their values.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value<'a>) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    /// The value at a path of members.
    pub fn find(&self, path: &[String]) -> Option<&Value<'a>> {
        let (last, outer) = path.split_last()?;
        outer.iter().try_fold(self, |object, name| object.get(name)?.as_object())?.get(last)
    }

    /// An object with one member.
    pub fn single(key: &'a str, value: Value<'a>) -> Self {
        Self(vec![(Cow::Borrowed(key), value)])
    }

    /// A copy without the members of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let others = self.0.iter().filter(|(name, _)| !names.contains(&&**name));
        Self(others.cloned().collect())
    }

    /// The members in the order of the document.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// The keys in the order of the document.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(elements) => elements.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
            Self::Raw(_) => Err(S::Error::custom("this value is not read")),
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
