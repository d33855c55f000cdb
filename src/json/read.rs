//! The strict reader: a recursive-descent parser with a depth limit set by the caller.

use std::borrow::Cow;

use super::list::LEADING;
use super::{Element, JsonError, List, Number, Numbers, Object, Value};

/// Objects up to this size are checked for duplicate keys pairwise.
const FEW_KEYS: usize = 16;

/// More than the open objects of most documents contain.
const USUAL_MEMBERS: usize = 16;

/// Parses one document with arrays and objects nested at most `max_depth` levels.
///
/// The stack use is bounded by `max_depth`.
pub fn read(bytes: &[u8], max_depth: usize) -> Result<Value<'_>, JsonError> {
    read_with(bytes, Numbers::Interoperable, max_depth, usize::MAX, None).map(|(value, _)| value)
}

/// Parses the body of a request: as [`read`], with a limit of values, including each element and
/// member, but also with all integers of 64 bits, although parsers with doubles round some, and
/// `-0`. What reads a number decides whether it takes such a one.
///
/// A value takes up to fifty times the memory of its text, so a limit of bytes is not enough.
pub fn read_body(
    bytes: &[u8],
    max_depth: usize,
    max_values: usize,
) -> Result<Value<'_>, JsonError> {
    read_with(bytes, Numbers::Any, max_depth, max_values, None).map(|(value, _)| value)
}

pub(super) fn read_with<'a>(
    bytes: &'a [u8],
    numbers: Numbers,
    max_depth: usize,
    max_values: usize,
    list: Option<List<'a>>,
) -> Result<(Value<'a>, Vec<Element<'a>>), JsonError> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError::ByteOrderMark(0));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8(error.valid_up_to()))?;
    let mut reader = Reader::new(text, numbers, max_depth, max_values, list);
    Ok((reader.document()?, reader.elements))
}

/// A position in a document.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    numbers: Numbers,
    limit: usize,
    /// The number of values still allowed.
    pub(super) values: usize,
    /// The offsets of the keys of the open objects, innermost last.
    key_offsets: Vec<usize>,
    /// The members of the open objects, innermost last. A closed object is allocated at its exact
    /// size.
    members: Vec<(Cow<'a, str>, Value<'a>)>,
    /// The list of which elements can be known.
    pub(super) list: Option<List<'a>>,
    /// How many names of its path lead to the value that is read.
    pub(super) followed: usize,
    /// Its elements.
    pub(super) elements: Vec<Element<'a>>,
}

impl<'a> Reader<'a> {
    fn new(
        text: &'a str,
        numbers: Numbers,
        limit: usize,
        values: usize,
        list: Option<List<'a>>,
    ) -> Self {
        let key_offsets = Vec::with_capacity(USUAL_MEMBERS);
        let members = Vec::with_capacity(USUAL_MEMBERS);
        let (followed, elements) = (0, Vec::new());
        Self { text, at: 0, numbers, limit, values, key_offsets, members, list, followed, elements }
    }

    fn document(&mut self) -> Result<Value<'a>, JsonError> {
        let value = self.value(0)?;
        match self.peek_token() {
            None => Ok(value),
            Some(_) => Err(JsonError::TrailingData(self.at)),
        }
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        let first = self.peek_token();
        self.values = self.values.checked_sub(1).ok_or(JsonError::TooManyValues(self.at))?;
        match first {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'{') => Ok(Value::Object(self.object(self.deeper(depth)?)?)),
            Some(b'[') => Ok(Value::Array(self.array(self.deeper(depth)?)?)),
            Some(b'-' | b'0'..=b'9') => Ok(Value::Number(self.number()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            other => Err(self.unexpected(other)),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, JsonError> {
        if depth < self.limit {
            Ok(depth.saturating_add(1))
        } else {
            Err(JsonError::TooDeep(self.at))
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value<'a>>, JsonError> {
        self.advance(1);
        let (mut elements, is_list) = (Vec::new(), self.is_list(depth));
        if self.take_token(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(if is_list { self.element(depth)? } else { self.value(depth)? });
            if self.ends_list(b']')? {
                return Ok(elements);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object<'a>, JsonError> {
        self.advance(1);
        if self.take_token(b'}') {
            return Ok(Object(Vec::new()));
        }
        let (outer_keys, outer_members) = (self.key_offsets.len(), self.members.len());
        loop {
            let member = self.member(depth)?;
            self.members.push(member);
            if self.ends_list(b'}')? {
                break;
            }
        }
        let members = self.members.split_off(outer_members);
        if let Some(at) = second_of_duplicates(&members, self.key_offsets.iter().skip(outer_keys)) {
            return Err(JsonError::DuplicateKey(at));
        }
        self.key_offsets.truncate(outer_keys);
        Ok(Object(members))
    }

    fn member(&mut self, depth: usize) -> Result<(Cow<'a, str>, Value<'a>), JsonError> {
        match self.peek_token() {
            Some(b'"') => self.key_offsets.push(self.at),
            other => return Err(self.unexpected(other)),
        }
        let key = self.string()?;
        match self.peek_token() {
            Some(b':') => self.advance(1),
            other => return Err(self.unexpected(other)),
        }
        if depth <= LEADING {
            self.follow(depth, &key);
        }
        Ok((key, self.value(depth)?))
    }

    /// Consumes a comma or the closing bracket of the list.
    fn ends_list(&mut self, close: u8) -> Result<bool, JsonError> {
        match self.peek_token() {
            Some(b',') => self.advance(1),
            Some(byte) if byte == close => {
                self.advance(1);
                return Ok(true);
            }
            other => return Err(self.unexpected(other)),
        }
        Ok(false)
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        for expected in word.bytes() {
            match self.peek() {
                Some(byte) if byte == expected => self.advance(1),
                other => return Err(self.unexpected(other)),
            }
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.advance(1);
        }
        if self.peek() == Some(b'0') {
            self.advance(1);
            if let Some(b'0'..=b'9') = self.peek() {
                return Err(JsonError::MalformedNumber(start));
            }
        } else {
            self.digits(start)?;
        }
        if self.peek() == Some(b'.') {
            self.advance(1);
            self.digits(start)?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.advance(1);
            if let Some(b'+' | b'-') = self.peek() {
                self.advance(1);
            }
            self.digits(start)?;
        }
        Number::new(self.slice(start, self.at)?, start, self.numbers)
    }

    /// Consumes one or more digits of the number that starts at `start`.
    fn digits(&mut self, start: usize) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'0'..=b'9') => {}
            Some(_) => return Err(JsonError::MalformedNumber(start)),
            None => return Err(self.unexpected(None)),
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.advance(1);
        }
        Ok(())
    }

    /// The next byte after white space.
    pub(super) fn peek_token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.advance(1),
                other => return other,
            }
        }
    }

    fn take_token(&mut self, token: u8) -> bool {
        let found = self.peek_token() == Some(token);
        if found {
            self.advance(1);
        }
        found
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> Result<&'a str, JsonError> {
        // Both ends are next to ASCII characters, so this does not fail.
        self.text.get(start..end).ok_or(JsonError::NotUtf8(start))
    }

    pub(super) fn unexpected(&self, found: Option<u8>) -> JsonError {
        match found {
            Some(_) => JsonError::Unexpected(self.at),
            None => JsonError::Truncated(self.at),
        }
    }
}

/// The offset of the first key that repeats an earlier one.
fn second_of_duplicates<'k>(
    members: &[(Cow<'_, str>, Value<'_>)],
    offsets: impl Iterator<Item = &'k usize>,
) -> Option<usize> {
    if members.len() <= FEW_KEYS && !has_duplicates_pairwise(members) {
        return None;
    }
    // Unlike hashing, sorting has no adversarial worst case.
    let keys = members.iter().map(|(key, _)| key.as_ref());
    let mut sorted: Vec<(&str, usize)> = keys.zip(offsets.copied()).collect();
    sorted.sort_unstable();
    let pairs = sorted.iter().zip(sorted.iter().skip(1));
    pairs.filter(|(left, right)| left.0 == right.0).map(|(_, right)| right.1).min()
}

fn has_duplicates_pairwise(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    let mut rest = members.iter();
    while let Some((key, _)) = rest.next() {
        if rest.as_slice().iter().any(|(other, _)| other == key) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrows_strings_without_escapes() {
        let value = read(r#"{"plain":"é","es\u0063aped":"\n"}"#.as_bytes(), 1).unwrap();
        let Value::Object(Object(members)) = &value else { panic!("not an object") };
        let borrowed = |text: &Cow<'_, str>| matches!(text, Cow::Borrowed(_));
        for (key, text) in members {
            let Value::String(text) = text else { panic!("not a string") };
            assert_eq!(borrowed(key), key == "plain");
            assert_eq!(borrowed(text), key == "plain");
        }
    }
}
