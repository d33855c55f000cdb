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
    pub fn of(source: &PolicySource) -> Self {
        Self::read(&source.source).unwrap_or_else(|| match parse(source) {
            Some(policy) => Self { scope: Scope::of(&policy), mode: annotation(&policy, "mode") },
            None => Self { scope: Scope::everything(), mode: None },
        })
    }

    /// The head of this text, if it is beyond doubt.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let mut mode = None;
        reader.annotations(&mut mode)?;
        let effect = reader.name()?;
        if !matches!(effect, "permit" | "forbid") {
            return None;
        }
        reader.expect("(")?;
        let principal = reader.principal_or_resource("principal")?;
        reader.expect(",")?;
        let actions = reader.action()?;
        reader.expect(",")?;
        let resource = reader.principal_or_resource("resource")?;
        reader.expect(")")?;
        Some(Self { scope: Scope { principal, actions, resource }, mode })
    }
}

/// What is left of a text.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// All annotations; of their values only that of `@mode` is kept.
    fn annotations(&mut self, mode: &mut Option<String>) -> Option<()> {
        while self.take("@") {
            let name = self.name()?;
            if !self.take("(") {
                // An annotation without a value.
                if name == "mode" {
                    return None;
                }
                continue;
            }
            let value = self.text()?;
            self.expect(")")?;
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
        if self.take("==") {
            return self.entity();
        }
        match self.peek_name() {
            Some("in") => {
                self.name()?;
                self.entity()
            }
            Some("is") => {
                self.name()?;
                let name = self.path()?;
                if self.peek_name() == Some("in") {
                    self.name()?;
                    return self.entity();
                }
                Some(Key::type_named(&name))
            }
            Some(_) => None,
            None => Some(Key::ANY),
        }
    }

    fn action(&mut self) -> Option<Vec<Key>> {
        self.keyword("action")?;
        if self.take("==") {
            return Some(vec![self.entity()?]);
        }
        match self.peek_name() {
            Some("in") => {
                self.name()?;
                if self.take("[") { self.list() } else { Some(vec![self.entity()?]) }
            }
            Some(_) => None,
            None => Some(vec![Key::ANY]),
        }
    }

    fn list(&mut self) -> Option<Vec<Key>> {
        let mut keys = Vec::new();
        while !self.take("]") {
            keys.push(self.entity()?);
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        Some(keys)
    }

    /// `Path::To::Type::"id"`
    fn entity(&mut self) -> Option<Key> {
        let mut path = Cow::Borrowed(self.name()?);
        loop {
            self.expect("::")?;
            if let Some(id) = self.text() {
                return (!id.contains('\\')).then(|| Key::named(&path, id));
            }
            let path = path.to_mut();
            path.push_str("::");
            path.push_str(self.name()?);
        }
    }

    /// `Path::To::Type`
    fn path(&mut self) -> Option<String> {
        let mut path = self.name()?.to_owned();
        while self.take("::") {
            path.push_str("::");
            path.push_str(self.name()?);
        }
        Some(path)
    }

    fn keyword(&mut self, word: &str) -> Option<()> {
        (self.name()? == word).then_some(())
    }

    fn name(&mut self) -> Option<&'a str> {
        let name = self.peek_name()?;
        self.rest = self.rest.get(name.len()..)?;
        Some(name)
    }

    /// The name that comes next. Beyond ASCII nothing is one.
    fn peek_name(&mut self) -> Option<&'a str> {
        self.blank();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let bytes = self.rest.as_bytes();
        if !bytes.first().is_some_and(|first| plain(first) && !first.is_ascii_digit()) {
            return None;
        }
        let end = bytes.iter().position(|byte| !plain(byte)).unwrap_or(bytes.len());
        self.rest.get(..end)
    }

    /// A string as it is written between its quotes.
    fn text(&mut self) -> Option<&'a str> {
        self.blank();
        let inside = self.rest.strip_prefix('"')?;
        let mut bytes = inside.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = inside.get(at.checked_add(1)?..)?;
                    return inside.get(..at);
                }
                b'\\' => drop(bytes.next()?),
                _ => {}
            }
        }
        None
    }

    fn expect(&mut self, punctuation: &str) -> Option<()> {
        self.take(punctuation).then_some(())
    }

    fn take(&mut self, punctuation: &str) -> bool {
        self.blank();
        match self.rest.strip_prefix(punctuation) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Skips white space and comments.
    fn blank(&mut self) {
        loop {
            let mut bytes = self.rest.bytes();
            let text = bytes.position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            self.rest = text.and_then(|at| self.rest.get(at..)).unwrap_or_default();
            let Some(comment) = self.rest.strip_prefix("//") else { return };
            let end = comment.bytes().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.rest = end.and_then(|at| comment.get(at..)).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
