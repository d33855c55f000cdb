//! A pattern of tool names.

use serde::{Deserialize, Serialize};

/// A pattern of tool names in a bundle: a name in which `*` stands for any characters, or none.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(String);

impl NamePattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let start = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(start) else { return false };
        let Some(end) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        rest.ends_with(end)
    }
}

impl TryFrom<String> for NamePattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.*".contains(&b);
        if !pattern.is_empty() && pattern.bytes().all(plain) {
            Ok(Self(pattern))
        } else {
            Err(format!(
                "`{pattern}` is not a pattern of tool names: use letters, digits, `-`, `_`, `.`, \
                 and `*` for any of them (a tool with other characters in its name has an \
                 alias, and patterns match that)"
            ))
        }
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        for (pattern, matching, others) in [
            ("get", &["get"][..], &["", "get_", "ge", "Get"][..]),
            ("get_*", &["get_", "get_a", "get_a.b-c"], &["get", "forget_a"]),
            ("*_list", &["_list", "a_list", "_list_list"], &["a_lists", "list"]),
            ("*", &["a", "get_a"], &[]),
            ("**", &["a", "get_a"], &[]),
            ("a*a", &["aa", "aba", "aaa"], &["a", "ab", "ba"]),
            ("a*b*c", &["abc", "axbxc", "abbc", "abcbc"], &["ac", "acb", "bc", "abcd"]),
            ("a.c", &["a.c"], &["abc"]),
        ] {
            let pattern = NamePattern::try_from(pattern.to_owned()).expect("a pattern");
            for name in matching {
                assert!(pattern.matches(name), "{pattern:?} {name}");
            }
            for name in others {
                assert!(!pattern.matches(name), "{pattern:?} {name}");
            }
        }
        for no_pattern in ["", "get ?", "get/*", "g\u{e9}t", "[a-z]"] {
            assert!(NamePattern::try_from(no_pattern.to_owned()).is_err(), "{no_pattern}");
        }
    }
}
