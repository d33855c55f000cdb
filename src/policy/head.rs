//! The head of a policy's text, read without the rest of it: annotations, effect and scope.
//!
//! Cedar's parser takes longer for one policy than a call may take, and a bundle can have a hundred
//! thousand. What is read here is read exactly as Cedar reads it, or not at all: on any doubt there
//! is no head, and Cedar's parser is asked.

use std::borrow::Cow;

use super::rule::{annotation, parse};
use super::{Key, Scope};
use crate::bundle::PolicySource;

/// What must be known of a policy when its bundle is loaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// Where it can match.
    pub scope: Scope,
    /// Its `@mode`.
    pub mode: Option<String>,
}

impl Head {
    /// The head of a policy. One that does not read at all can match everything: it is put before
    /// every call, and refuses it.
    pub fn of(source: PolicySource<'_>) -> Self {
        Self::read(source.source).unwrap_or_else(|| match parse(source) {
            Some(policy) => Self { scope: Scope::of(&policy), mode: annotation(&policy, "mode") },
            None => Self { scope: Scope::everything(), mode: None },
        })
    }

    /// The head of this text, if it is beyond doubt.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        let mut mode = None;
        reader.annotations(&mut mode)?;
        reader.keyword("permit").or_else(|| reader.keyword("forbid"))?;
        reader.expect(b'(')?;
        let principal = reader.principal_or_resource("principal")?;
        reader.expect(b',')?;
        let actions = reader.action()?;
        reader.expect(b',')?;
        let resource = reader.principal_or_resource("resource")?;
        reader.expect(b')')?;
        Some(Self { scope: Scope { principal, actions, resource }, mode })
    }
}

/// A text, and how far it is read: to a byte of ASCII or its end, and so never into a character.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// All annotations; of their values only that of `@mode` is kept.
    fn annotations(&mut self, mode: &mut Option<String>) -> Option<()> {
        while self.take(b'@') {
            let name = self.name()?;
            if !self.take(b'(') {
                // An annotation without a value.
                if name == "mode" {
                    return None;
                }
                continue;
            }
            let value = self.string()?;
            self.expect(b')')?;
            if name == "mode" {
                // Where there are two, and where it is escaped, Cedar is asked.
                if mode.is_some() || value.contains('\\') {
                    return None;
                }
                *mode = Some(value.to_owned());
            }
        }
        Some(())
    }

    fn principal_or_resource(&mut self, variable: &str) -> Option<Key> {
        self.keyword(variable)?;
        if self.take_two(b'=') {
            return self.entity();
        }
        match self.name() {
            Some("in") => self.entity(),
            Some("is") => {
                let name = self.path()?;
                let after = self.at;
                if self.name() == Some("in") {
                    return self.entity();
                }
                self.at = after;
                Some(Key::type_named(&name))
            }
            Some(_) => None,
            None => Some(Key::ANY),
        }
    }

    fn action(&mut self) -> Option<Vec<Key>> {
        self.keyword("action")?;
        if self.take_two(b'=') {
            return Some(vec![self.entity()?]);
        }
        match self.name() {
            Some("in") if self.take(b'[') => self.list(),
            Some("in") => Some(vec![self.entity()?]),
            Some(_) => None,
            None => Some(vec![Key::ANY]),
        }
    }

    fn list(&mut self) -> Option<Vec<Key>> {
        let mut keys = Vec::new();
        while !self.take(b']') {
            keys.push(self.entity()?);
            if !self.take(b',') {
                self.expect(b']')?;
                break;
            }
        }
        Some(keys)
    }

    /// `Path::To::Type::"id"`
    fn entity(&mut self) -> Option<Key> {
        let mut path = Cow::Borrowed(self.name()?);
        loop {
            self.take_two(b':').then_some(())?;
            if let Some(id) = self.string() {
                return (!id.contains('\\')).then(|| Key::named(&path, id));
            }
            let path = path.to_mut();
            path.push_str("::");
            path.push_str(self.name()?);
        }
    }

    /// `Path::To::Type`
    fn path(&mut self) -> Option<Cow<'a, str>> {
        let mut path = Cow::Borrowed(self.name()?);
        while self.take_two(b':') {
            let path = path.to_mut();
            path.push_str("::");
            path.push_str(self.name()?);
        }
        Some(path)
    }

    fn keyword(&mut self, word: &str) -> Option<()> {
        self.next_byte()?;
        let after = self.rest().strip_prefix(word.as_bytes())?;
        if after.first().is_some_and(|byte| is_plain(*byte)) {
            return None;
        }
        self.at = self.at.saturating_add(word.len());
        Some(())
    }

    /// The name that comes next. Beyond ASCII nothing is one.
    fn name(&mut self) -> Option<&'a str> {
        self.next_byte().filter(|byte| is_plain(*byte) && !byte.is_ascii_digit())?;
        let (start, rest) = (self.at, self.rest());
        let length = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
        self.at = start.saturating_add(length);
        self.text.get(start..self.at)
    }

    /// A string as it is written between its quotes.
    fn string(&mut self) -> Option<&'a str> {
        if self.next_byte() != Some(b'"') {
            return None;
        }
        let start = self.at.saturating_add(1);
        let mut bytes = self.text.as_bytes().get(start..)?.iter().enumerate();
        while let Some((length, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    let end = start.saturating_add(length);
                    self.at = end.saturating_add(1);
                    return self.text.get(start..end);
                }
                b'\\' => drop(bytes.next()),
                _ => {}
            }
        }
        None
    }

    fn expect(&mut self, punctuation: u8) -> Option<()> {
        self.take(punctuation).then_some(())
    }

    fn take(&mut self, punctuation: u8) -> bool {
        let found = self.next_byte() == Some(punctuation);
        if found {
            self.step();
        }
        found
    }

    /// Takes `==` or `::`.
    fn take_two(&mut self, punctuation: u8) -> bool {
        let start = self.at;
        let first = self.take(punctuation);
        let found = first && self.byte() == Some(punctuation);
        if found {
            self.step();
        } else {
            self.at = start;
        }
        found
    }

    /// What comes after white space and comments.
    fn next_byte(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.step(),
                b'/' if self.text.as_bytes().get(self.at.saturating_add(1)) == Some(&b'/') => {
                    while !matches!(self.byte()?, b'\n' | b'\r') {
                        self.step();
                    }
                }
                byte => return Some(byte),
            }
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }
}

/// Whether a byte can be in a name.
fn is_plain(byte: u8) -> bool {
    (byte | 0x20).is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests;
