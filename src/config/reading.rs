//! A configuration's JSON, read policy by policy.
//!
//! Policies are most of it, so their lists are read here, as many at a time as a budget allows, and
//! everything else as always: `serde_json` gets the same text with empty lists. What it would not
//! read alike is not read here; the whole text is then read in one go, which says what is wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Written;
use crate::budget::Budget;
use crate::bundle::{LayerName, Policies, WrittenPolicy};

/// The text is not plainly what it should be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt;

/// A text, and how far it is read.
#[derive(Debug)]
pub(super) struct Reading {
    text: String,
    at: usize,
    place: Place,
    /// Whether the object or list where it is has only begun.
    first: bool,
    /// The text so far without policies, and up to where that is.
    rest: String,
    copied: usize,
    bundle: Layers,
    candidate: Layers,
}

type Layers = BTreeMap<LayerName, Policies>;

/// What is being read.
#[derive(Debug)]
enum Place {
    Configuration,
    Document(Which),
    Layers(Which),
    Policies(Which, LayerName, Policies),
    End,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Bundle,
    Candidate,
}

impl Reading {
    /// Begins with a text.
    pub(super) fn of(text: String) -> Self {
        let (bundle, candidate) = (Layers::new(), Layers::new());
        let (at, copied, rest) = (0, 0, String::new());
        Self { text, at, place: Place::Configuration, first: true, rest, copied, bundle, candidate }
    }

    /// Reads more, and tells whether all policies are read.
    pub(super) fn advance(&mut self, budget: &mut Budget) -> Result<bool, Doubt> {
        if self.at == 0 {
            self.expect(b'{')?;
        }
        while !budget.is_spent() {
            if matches!(self.place, Place::End) {
                return Ok(true);
            }
            let before = self.at;
            self.step()?;
            budget.spend(self.at.saturating_sub(before));
        }
        Ok(false)
    }

    /// The configuration, once all policies are read; where there is a doubt, its text again.
    pub(super) fn finish(mut self) -> Result<Box<Written>, Vec<u8>> {
        self.whole().map(Box::new).ok_or(self.text.into_bytes())
    }

    /// The text.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    fn whole(&mut self) -> Option<Written> {
        self.rest.push_str(self.text.get(self.copied..)?);
        let mut written: Written = serde_json::from_str(&self.rest).ok()?;
        let documents = [
            (Some(&mut written.bundle), std::mem::take(&mut self.bundle)),
            (written.candidate.as_mut(), std::mem::take(&mut self.candidate)),
        ];
        for (document, layers) in documents {
            let Some(document) = document else { continue };
            if !document.layers.keys().eq(layers.keys()) {
                return None;
            }
            document.layers = layers;
        }
        Some(written)
    }

    fn step(&mut self) -> Result<(), Doubt> {
        match std::mem::replace(&mut self.place, Place::End) {
            Place::Configuration => self.member_of_configuration(),
            Place::Document(which) => self.member_of_document(which),
            Place::Layers(which) => self.layer(which),
            Place::Policies(which, name, policies) => self.policy(which, name, policies),
            Place::End => Ok(()),
        }
    }

    fn member_of_configuration(&mut self) -> Result<(), Doubt> {
        match self.member()?.as_deref() {
            Some("bundle") => self.enter(b'{', Place::Document(Which::Bundle)),
            Some("candidate") => self.enter(b'{', Place::Document(Which::Candidate)),
            Some(_) => self.skip(Place::Configuration),
            None => Ok(()),
        }
    }

    fn member_of_document(&mut self, which: Which) -> Result<(), Doubt> {
        match self.member()?.as_deref() {
            Some("layers") => self.enter(b'{', Place::Layers(which)),
            Some(_) => self.skip(Place::Document(which)),
            None => {
                self.place = Place::Configuration;
                Ok(())
            }
        }
    }

    fn layer(&mut self, which: Which) -> Result<(), Doubt> {
        let Some(name) = self.member()? else {
            self.place = Place::Document(which);
            return Ok(());
        };
        let name = LayerName::try_from(name).map_err(|_| Doubt)?;
        self.enter(b'[', Place::Policies(which, name, Policies::default()))?;
        self.rest.push_str(self.text.get(self.copied..self.at).ok_or(Doubt)?);
        Ok(())
    }

    fn policy(
        &mut self,
        which: Which,
        name: LayerName,
        mut policies: Policies,
    ) -> Result<(), Doubt> {
        if self.more(b']')? {
            let (policy, length) = value::<WrittenPolicy<'_>>(&self.text, self.at)?;
            policies.push(policy.source());
            self.at = self.at.saturating_add(length);
            self.place = Place::Policies(which, name, policies);
            return Ok(());
        }
        self.copied = self.at.saturating_sub(1);
        self.place = Place::Layers(which);
        let layers = match which {
            Which::Bundle => &mut self.bundle,
            Which::Candidate => &mut self.candidate,
        };
        // Of two layers with one name, only one could be meant.
        layers.insert(name, policies).map_or(Ok(()), |_| Err(Doubt))
    }

    /// Goes into the object or list that comes next.
    fn enter(&mut self, beginning: u8, place: Place) -> Result<(), Doubt> {
        self.expect(beginning)?;
        (self.place, self.first) = (place, true);
        Ok(())
    }

    /// The name of the next member, whose value comes next; `None` at the end of the object.
    fn member(&mut self) -> Result<Option<String>, Doubt> {
        if !self.more(b'}')? {
            return Ok(None);
        }
        let (name, length) = value(&self.text, self.at)?;
        self.at = self.at.saturating_add(length);
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// Whether there is another element or member before this end, which is passed if there is not.
    fn more(&mut self, end: u8) -> Result<bool, Doubt> {
        let first = std::mem::replace(&mut self.first, false);
        if self.take(end) {
            return Ok(false);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// Passes the value of a member, and stays in the object.
    fn skip(&mut self, place: Place) -> Result<(), Doubt> {
        let (_, length) = value::<IgnoredAny>(&self.text, self.at)?;
        self.at = self.at.saturating_add(length);
        self.place = place;
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), Doubt> {
        if self.take(byte) { Ok(()) } else { Err(Doubt) }
    }

    /// Whether this byte comes next, after white space. It is passed then.
    fn take(&mut self, byte: u8) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let at = self.at.saturating_add(space.count());
        let found = self.text.as_bytes().get(at) == Some(&byte);
        if found {
            self.at = at.saturating_add(1);
        }
        found
    }
}

/// The value that begins there, and how long it is.
fn value<'a, T: Deserialize<'a>>(text: &'a str, at: usize) -> Result<(T, usize), Doubt> {
    let rest = text.get(at..).ok_or(Doubt)?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter();
    let value = values.next().and_then(Result::ok).ok_or(Doubt)?;
    Ok((value, values.byte_offset()))
}
