//! Patterns of the URIs of resources, and how they are in one another.

use serde::{Deserialize, Serialize};

use super::uri;

/// The maximum length of a pattern, in bytes.
const LONGEST: usize = 512;

/// A URI in which `*` stands for any characters, or none; in the authority for any but a slash.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct UriPattern(String);

impl UriPattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a whole URI matches. It has one spelling, as arguments are checked for that.
    pub fn matches(&self, uri: &str) -> bool {
        both(self.as_str(), uri, matches)
    }

    /// Whether every URI that matches the other one matches this one too.
    pub fn contains(&self, other: &Self) -> bool {
        both(self.as_str(), other.as_str(), |outer, inner| {
            contains(outer.as_bytes(), inner.as_bytes())
        })
    }

    /// Whether some URI matches both.
    pub fn overlaps(&self, other: &Self) -> bool {
        both(self.as_str(), other.as_str(), |one, other| overlap(one.as_bytes(), other.as_bytes()))
    }
}

impl TryFrom<String> for UriPattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        let sample = pattern.replace('*', "x");
        let problem = match uri::parts(&pattern) {
            _ if pattern.len() > LONGEST => Some("that is shorter"),
            Some((scheme, _, _)) if scheme.contains('*') => Some("with a scheme"),
            // It would be open whether there is an authority.
            Some((_, None, rest)) if rest.starts_with('*') => Some("that does not begin with `*`"),
            Some(_) | None => uri::ambiguity(&sample),
        };
        match problem {
            None => Ok(Self(pattern)),
            Some(problem) => {
                Err(format!("`{pattern}` is not a pattern of URIs: it must be a URI {problem}"))
            }
        }
    }
}

impl From<UriPattern> for String {
    fn from(pattern: UriPattern) -> Self {
        pattern.0
    }
}

/// Whether a relation holds between authorities and between the rests of two patterns of one scheme.
fn both(one: &str, other: &str, relation: fn(&str, &str) -> bool) -> bool {
    let (Some(one), Some(other)) = (uri::parts(one), uri::parts(other)) else { return false };
    let authorities = match (one.1, other.1) {
        (Some(one), Some(other)) => relation(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    one.0 == other.0 && authorities && relation(one.2, other.2)
}

/// Whether a text matches a pattern. The leftmost match of each part leaves most to the others.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(end) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(end)
}

/// Whether `outer` matches whatever `inner` does.
fn contains(outer: &[u8], inner: &[u8]) -> bool {
    walk(outer, inner, |outer, inner, here| match (outer, inner) {
        // A star takes nothing, or one more part of the inner pattern, which may be a star.
        (Some(b'*'), _) => here.skip_first || here.skip_second,
        (Some(outer), Some(inner)) => outer == inner && here.skip_both,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}

/// Whether there is a text that both match.
fn overlap(one: &[u8], other: &[u8]) -> bool {
    walk(one, other, |one, other, here| match (one, other) {
        (Some(b'*'), _) | (_, Some(b'*')) => here.skip_first || here.skip_second,
        (Some(one), Some(other)) => one == other && here.skip_both,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}

/// The results for what follows: without the first part of one text, of the other, or of both.
struct Following {
    skip_first: bool,
    skip_second: bool,
    skip_both: bool,
}

/// Decides about two texts from their ends, for every pair of positions from what follows it.
fn walk(
    first: &[u8],
    second: &[u8],
    decide: impl Fn(Option<&u8>, Option<&u8>, Following) -> bool,
) -> bool {
    let mut below = vec![false; second.len().saturating_add(2)];
    for one in (0..=first.len()).rev() {
        let mut row = vec![false; second.len().saturating_add(2)];
        let at = |row: &[bool], position: usize| row.get(position).copied().unwrap_or_default();
        for other in (0..=second.len()).rev() {
            let next = other.saturating_add(1);
            let here = Following {
                skip_first: at(&below, other),
                skip_second: at(&row, next),
                skip_both: at(&below, next),
            };
            let result = decide(first.get(one), second.get(other), here);
            if let Some(cell) = row.get_mut(other) {
                *cell = result;
            }
        }
        below = row;
    }
    below.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> UriPattern {
        UriPattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_star_stays_in_the_authority() {
        for (text, matching, others) in [
            (
                "file:///docs/*",
                &["file:///docs/", "file:///docs/a/b"][..],
                &["file:///docs", "file:///doc/a"][..],
            ),
            (
                "https://*.a.example/*",
                &["https://x.a.example/y", "https://x.y.a.example/"],
                &["https://b.example/.a.example/", "https://a.example/x"],
            ),
            (
                "crm://contacts/*/notes",
                &["crm://contacts/1/notes", "crm://contacts/1/2/notes"],
                &["crm://contacts/notes", "crm://contacts/1/notes/2"],
            ),
            ("memo://*", &["memo://a"], &["memo://a/b", "memos://a"]),
            ("urn:isbn:*", &["urn:isbn:1", "urn:isbn:"], &["urn://isbn:1", "urn:issn:1"]),
            ("crm://a", &["crm://a"], &["crm://a/", "crm://b"]),
        ] {
            for uri in matching {
                assert!(pattern(text).matches(uri), "{text} {uri}");
            }
            for uri in others {
                assert!(!pattern(text).matches(uri), "{text} {uri}");
            }
        }
    }

    #[test]
    fn patterns_in_one_another() {
        let check = |one: &str, other: &str, contains: bool, overlaps: bool| {
            let (one, other) = (pattern(one), pattern(other));
            assert_eq!(one.contains(&other), contains, "{one:?} {other:?}");
            assert_eq!(one.overlaps(&other), overlaps, "{one:?} {other:?}");
            assert_eq!(other.overlaps(&one), overlaps, "{one:?} {other:?}");
        };
        check("a://h/*", "a://h/b/*", true, true);
        check("a://h/b/*", "a://h/*", false, true);
        check("a://h/*", "a://h/*", true, true);
        check("a://h/*x", "a://h/y*", false, true);
        check("a://h/x*", "a://h/y*", false, false);
        check("a://*/*", "a://h/*", true, true);
        check("a://h/*/b/*", "a://h/*/b/c/*", true, true);
        check("a://h/**", "a://h/*", true, true);
        check("a://h/*", "b://h/*", false, false);
        check("a://h/*", "a:h/*", false, false);
    }

    #[test]
    fn what_is_no_pattern() {
        for text in
            ["", "*", "*://a", "a:*", "A://b", "a://B/*", "a://h/../*", "a://h/%2e", "a://h/ *"]
        {
            assert!(UriPattern::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
