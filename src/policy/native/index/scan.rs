//! A scanner for the head of a policy: annotations, effect and scope.
//!
//! Cedar takes longer to parse one policy than a call may take, and a bundle can have a hundred
//! thousand. The scanner reads a head exactly as Cedar does, or returns `None`, and Cedar parses
//! the policy.

use std::borrow::Cow;

use crate::policy::PolicySource;
use crate::policy::native::{Key, ScopeKeys};
use crate::policy::parse::{annotation, parse};

/// The data that a layer needs about a policy at load.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Scanned {
    pub(super) scope: ScopeKeys,
    pub(super) mode: Option<String>,
}

impl Scanned {
    /// Scans a policy. A policy that does not parse is a candidate for every call, which it
    /// refuses.
    pub(super) fn of(source: PolicySource<'_>) -> Self {
        Self::scan(source.source).unwrap_or_else(|| match parse(source) {
            Some(policy) => {
                Self { scope: ScopeKeys::of(&policy), mode: annotation(&policy, "mode") }
            }
            None => Self { scope: ScopeKeys::everything(), mode: None },
        })
    }

    /// Scans a text; `None` if Cedar could read it differently.
    fn scan(text: &str) -> Option<Self> {
        let mut scanner = Scanner { text, at: 0 };
        let mut mode = None;
        scanner.annotations(&mut mode)?;
        scanner.keyword("permit").or_else(|| scanner.keyword("forbid"))?;
        scanner.expect(b'(')?;
        let principal = scanner.principal_or_resource("principal")?;
        scanner.expect(b',')?;
        let actions = scanner.action()?;
        scanner.expect(b',')?;
        let resource = scanner.principal_or_resource("resource")?;
        scanner.expect(b')')?;
        Some(Self { scope: ScopeKeys { principal, actions, resource }, mode })
    }
}

/// A text and a position in it: at an ASCII byte or the end, never inside a character.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Scans all annotations. Only the value of `@mode` is kept.
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
                // Duplicates and escapes are left to Cedar.
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
        if after.first().is_some_and(|byte| is_name_byte(*byte)) {
            return None;
        }
        self.at = self.at.saturating_add(word.len());
        Some(())
    }

    /// Scans an ASCII name.
    fn name(&mut self) -> Option<&'a str> {
        self.next_byte().filter(|byte| is_name_byte(*byte) && !byte.is_ascii_digit())?;
        let (start, rest) = (self.at, self.rest());
        let length = rest.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(rest.len());
        self.at = start.saturating_add(length);
        self.text.get(start..self.at)
    }

    /// Scans a quoted string, without unescaping.
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

    /// Consumes `==` or `::`.
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

    /// The next byte after white space and comments.
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

/// Whether a byte is allowed in a name.
fn is_name_byte(byte: u8) -> bool {
    (byte | 0x20).is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests;
