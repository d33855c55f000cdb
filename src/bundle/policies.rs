//! The policies of a layer as text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How large the first page of a layer is, in bytes, and the largest; a longer text has its own.
const PAGES: Range<usize> = 1 << 12..1 << 18;

/// One policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct PolicySource<'a> {
    /// Its `@id`.
    pub id: &'a str,
    /// Its Cedar text.
    pub source: &'a str,
}

/// Policies in their order. There can be a hundred thousand, which stand one behind the other in a
/// few pages of memory.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    pages: Vec<String>,
    places: Vec<Place>,
}

/// Where a policy stands.
#[derive(Clone, Debug)]
struct Place {
    id: Span,
    source: Span,
}

/// Where a text stands.
#[derive(Clone, Debug)]
struct Span {
    page: usize,
    range: Range<usize>,
}

impl Policies {
    /// Adds a policy behind the others.
    pub fn push(&mut self, policy: PolicySource<'_>) {
        let place = Place { id: self.write(policy.id), source: self.write(policy.source) };
        self.places.push(place);
    }

    /// The policy at a position.
    pub fn get(&self, position: usize) -> Option<PolicySource<'_>> {
        self.places.get(position).map(|place| self.at(place))
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PolicySource<'_>> {
        self.places.iter().map(|place| self.at(place))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn at(&self, place: &Place) -> PolicySource<'_> {
        PolicySource { id: self.read(&place.id), source: self.read(&place.source) }
    }

    /// What was written there.
    fn read(&self, span: &Span) -> &str {
        self.pages.get(span.page).and_then(|page| page.get(span.range.clone())).unwrap_or_default()
    }

    fn write(&mut self, text: &str) -> Span {
        let free = |page: &String| page.capacity().saturating_sub(page.len());
        if self.pages.last().is_none_or(|page| free(page) < text.len()) {
            let larger = self.pages.last().map_or(0, |page| page.capacity().saturating_mul(2));
            let size = larger.clamp(PAGES.start, PAGES.end).max(text.len());
            self.pages.push(String::with_capacity(size));
        }
        let last = self.pages.len().saturating_sub(1);
        let start = self.pages.last().map_or(0, String::len);
        if let Some(page) = self.pages.last_mut() {
            page.push_str(text);
        }
        Span { page: last, range: start..start.saturating_add(text.len()) }
    }
}

impl<'a> FromIterator<PolicySource<'a>> for Policies {
    fn from_iter<I: IntoIterator<Item = PolicySource<'a>>>(policies: I) -> Self {
        let mut all = Self::default();
        policies.into_iter().for_each(|policy| all.push(policy));
        all
    }
}

impl Serialize for Policies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Policies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Listed)
    }
}

/// A list of policies.
struct Listed;

impl<'de> Visitor<'de> for Listed {
    type Value = Policies;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of policies")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Policies, A::Error> {
        let mut policies = Policies::default();
        while let Some(written) = list.next_element::<WrittenPolicy<'_>>()? {
            policies.push(written.source());
        }
        Ok(policies)
    }
}

/// A policy as it stands in a document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a policy")]
pub(crate) struct WrittenPolicy<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
}

impl WrittenPolicy<'_> {
    /// The policy that is written there.
    pub(crate) fn source(&self) -> PolicySource<'_> {
        PolicySource { id: &self.id, source: &self.source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_what_was_pushed() {
        let long = "x".repeat(PAGES.end + 1);
        let texts: Vec<String> = (0..2_000).map(|n| format!("// {n} é\n").repeat(n % 40)).collect();
        let texts = texts.iter().chain([&long]).map(String::as_str);
        let written: Vec<_> = texts.map(|source| PolicySource { id: source, source }).collect();
        let policies: Policies = written.iter().copied().collect();
        assert!(policies.iter().eq(written.iter().copied()));
        assert_eq!(policies.len(), written.len());
        assert_eq!(policies.get(1_999), Some(written[1_999]));
        assert_eq!(policies.get(2_001), None);
        assert!(policies.pages.len() > 3);
        assert!(policies.pages.iter().all(|page| page.capacity() <= long.len()));
        let json = serde_json::to_string(&policies).unwrap();
        let read: Policies = serde_json::from_str(&json).unwrap();
        assert!(read.iter().eq(written));
    }

    #[test]
    fn a_policy_has_an_id_and_a_text_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Policies>(text);
        let [policy] = [r#"{"source": "permit \"\u0061\n\"", "id": "\/p"}"#];
        let policies = read(&format!("[{policy}]")).unwrap();
        assert_eq!(policies.get(0), Some(PolicySource { id: "/p", source: "permit \"a\n\"" }));
        for (odd, message) in [
            (r#"[{"id": "p"}]"#, "missing field `source`"),
            (r#"[{"source": ""}]"#, "missing field `id`"),
            (r#"[{"id": "", "source": "", "id": ""}]"#, "duplicate field `id`"),
            (r#"[{"id": "", "source": "", "Id": ""}]"#, "unknown field `Id`"),
            (r#"[{"id": "", "source": null}]"#, "invalid type: null, expected a string"),
            (r#"["p"]"#, "invalid type: string \"p\", expected a policy"),
            (r#"{"id": "", "source": ""}"#, "expected a list of policies"),
        ] {
            let error = read(odd).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
