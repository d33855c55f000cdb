//! Reads YAML into Rust types, with the location of every key.

use std::ops::Range;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_saphyr::{MessageFormatter as _, Options, Spanned, UserMessageFormatter};

use crate::bundle::Code;
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};

/// Reads a file as a `T`.
///
/// # Errors
///
/// The first error: the file is not YAML or does not fit the type.
pub(in crate::cli) fn read<T: DeserializeOwned>(file: &Arc<SourceFile>) -> Result<T, Problem> {
    serde_saphyr::from_str_with_options(&file.text, options()).map_err(|error| {
        let message = UserMessageFormatter.format_message(error.without_snippet()).into_owned();
        let location = error.location();
        let span = location.as_ref().and_then(|at| bytes(at).or_else(|| point(at, &file.text)));
        let place = match span {
            Some(span) => Location::at(file, span),
            None => Location::whole(file),
        };
        let help = meant(&message);
        let missing = missing(&message, &place, file);
        let (message, place) = missing.unwrap_or_else(|| (plain(&message), place));
        Problem { help, ..Problem::at(place, message).with_code(Code::Yaml) }
    })
}

/// A missing key, at what lacks it: the parser points at the last key that is there.
fn missing(message: &str, place: &Location, file: &Arc<SourceFile>) -> Option<(String, Location)> {
    let name = message.strip_prefix("missing field `")?.strip_suffix('`')?;
    let (holder, span) = KeySpans::of(file).holder(place.span.as_ref()?.start)?;
    Some(if holder.is_empty() {
        (format!("`{name}`{MISSING}"), Location::whole(file))
    } else {
        let place = span.map_or_else(|| place.clone(), |span| Location::at(file, span));
        (format!("`{holder}` has no `{name}`{MISSING_THERE}"), place)
    })
}

/// The end of the message about a key that is missing in a file.
const MISSING: &str = " is missing";
/// The end of the message about a key that is missing in a part of a file.
const MISSING_THERE: &str = ", which is required";

/// The key that is missing according to a message of [`read`].
pub(in crate::cli) fn missing_key(message: &str) -> Option<&str> {
    let told = message.strip_suffix(MISSING).or_else(|| message.strip_suffix(MISSING_THERE))?;
    told.strip_suffix('`')?.rsplit('`').next()
}

/// The message in words of YAML: the parser speaks of Rust's types.
fn plain(message: &str) -> String {
    let expected = match message {
        "invalid u8" => "a whole number from 0 to 255",
        "invalid u16" => "a whole number from 0 to 65535",
        "invalid u32" => "a whole number from 0 to 4294967295",
        "invalid u64" | "invalid usize" => "a whole number from 0",
        "invalid i8" | "invalid i16" | "invalid i32" | "invalid i64" => "a whole number",
        "invalid floating point" => "a number",
        "invalid boolean (true or false expected)" => "`true` or `false`",
        other => return other.replace('\n', " "),
    };
    format!("this must be {expected}")
}

/// The key or word probably meant by an unknown one, if the error lists the known ones.
fn meant(message: &str) -> Option<String> {
    let unknown = ["unknown field `", "unknown variant `"];
    let rest = unknown.iter().find_map(|what| message.strip_prefix(what))?;
    let (name, expected) = rest.split_once("`, expected ")?;
    let expected = expected.strip_prefix("one of ").unwrap_or(expected);
    let known = expected.split(", ").flat_map(|names| names.split(" or "));
    fuzzy_match::did_you_mean(name, known.map(|name| name.trim_matches('`')))
}

/// Rejects YAML that parsers interpret differently.
fn options() -> Options {
    serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        reject_unsupported_tags: true,
    }
}

/// The locations of all values in a file.
#[derive(Debug, Default)]
pub(in crate::cli) struct KeySpans {
    root: Option<Node>,
}

#[derive(Debug)]
enum Node {
    Scalar,
    List(Vec<(Range<usize>, Node)>),
    Map(Vec<Member>),
}

#[derive(Debug)]
struct Member {
    key: String,
    key_span: Range<usize>,
    value_span: Range<usize>,
    value: Node,
}

impl Member {
    /// The span to point at: a scalar itself, but only the key of a value that may have many lines.
    fn span(&self) -> &Range<usize> {
        match self.value {
            Node::Scalar if !self.value_span.is_empty() => &self.value_span,
            Node::Scalar | Node::List(_) | Node::Map(_) => &self.key_span,
        }
    }
}

impl KeySpans {
    /// The locations in a file that [`read`] accepted.
    pub(in crate::cli) fn of(file: &SourceFile) -> Self {
        let root = serde_saphyr::from_str_with_options::<Node>(&file.text, options());
        Self { root: root.ok() }
    }

    /// The location of the value at a dotted path, or at the longest prefix that exists. List
    /// elements are named by their position.
    pub(in crate::cli) fn find(&self, path: &str) -> Option<Range<usize>> {
        self.root.as_ref()?.find(path)
    }

    /// The path and location of the map that has a key at this offset; the path is empty for the
    /// whole file.
    fn holder(&self, key: usize) -> Option<(String, Option<Range<usize>>)> {
        self.root.as_ref()?.holder(key, "", None)
    }

    /// Whether there is a value at a dotted path of keys without dots.
    pub(in crate::cli) fn has(&self, path: &str) -> bool {
        self.root.as_ref().is_some_and(|root| root.has(path))
    }
}

impl Node {
    fn holder(
        &self,
        key: usize,
        path: &str,
        own: Option<&Range<usize>>,
    ) -> Option<(String, Option<Range<usize>>)> {
        let inside = |name: &str| {
            if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
        };
        match self {
            Self::Scalar => None,
            Self::List(elements) => elements.iter().enumerate().find_map(|(position, element)| {
                element.1.holder(key, &inside(&position.to_string()), Some(&element.0))
            }),
            Self::Map(members) if members.iter().any(|member| member.key_span.start == key) => {
                Some((path.to_owned(), own.cloned()))
            }
            Self::Map(members) => members.iter().find_map(|member| {
                member.value.holder(key, &inside(&member.key), Some(&member.key_span))
            }),
        }
    }

    fn has(&self, path: &str) -> bool {
        let (key, rest) =
            path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
        let Self::Map(members) = self else { return false };
        let member = members.iter().find(|member| member.key == key);
        member.is_some_and(|member| rest.is_none_or(|rest| member.value.has(rest)))
    }

    fn find(&self, path: &str) -> Option<Range<usize>> {
        if path.is_empty() {
            return None;
        }
        match self {
            Self::Scalar => None,
            Self::List(elements) => {
                let (position, rest) = path.split_once('.').unwrap_or((path, ""));
                let (span, node) = elements.get(position.parse::<usize>().ok()?)?;
                node.find(rest).or_else(|| Some(span.clone()))
            }
            // A key may itself contain dots, so every key that is a prefix of the path is tried.
            Self::Map(members) => members.iter().find_map(|member| {
                let rest = path.strip_prefix(member.key.as_str())?;
                let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
                member.value.find(rest).or_else(|| Some(member.span().clone()))
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalars {
    ($( $visit:ident: $kind:ty ),+) => {
        $( fn $visit<E: de::Error>(self, _: $kind) -> Result<Node, E> { Ok(Node::Scalar) } )+
    };
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("YAML")
    }

    scalars! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64, visit_str: &str
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element::<Spanned<Node>>()? {
            list.push((bytes(&element.referenced).unwrap_or_default(), element.value));
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = members.next_entry::<Spanned<String>, Spanned<Node>>()? {
            map.push(Member {
                key: key.value,
                key_span: bytes(&key.referenced).unwrap_or_default(),
                value_span: bytes(&value.referenced).unwrap_or_default(),
                value: value.value,
            });
        }
        Ok(Node::Map(map))
    }
}

fn bytes(location: &serde_saphyr::Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some(start..start.checked_add(length)?)
}

/// The parser's own errors have only a line and a column.
fn point(location: &serde_saphyr::Location, text: &str) -> Option<Range<usize>> {
    let line = usize::try_from(location.line()).ok()?.checked_sub(1)?;
    let column = usize::try_from(location.column()).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?;
    let within: usize = rest.chars().take(column).map(char::len_utf8).sum();
    let at = start.checked_add(within)?;
    Some(at..at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile::new("a.yaml", text))
    }

    #[test]
    fn places_of_keys_and_values() {
        let file = source("a:\n  b.c: [x, {d: 1}]\n  b: 2\nä: { e: \"ü\", f: g }\nempty:\n");
        let places = KeySpans::of(&file);
        let find =
            |path: &str| places.find(path).map(|span| file.text.get(span).unwrap_or_default());
        assert_eq!(find("a"), Some("a"));
        assert_eq!(find("a.b"), Some("2"));
        assert_eq!(find("a.b.c"), Some("b.c"));
        assert_eq!(find("a.b.c.0"), Some("x"));
        assert_eq!(find("a.b.c.1.d"), Some("1"));
        assert_eq!(find("ä.f"), Some("g"));
        // The longest existing prefix.
        assert_eq!(find("a.b.c.1.z"), Some("{"));
        assert_eq!(find("empty.deeper"), Some("empty"));
        assert_eq!(find("z"), None);
        assert_eq!(KeySpans::of(&source("a: [")).find("a"), None);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_an_error() {
        let read = |text: &str| {
            read::<std::collections::BTreeMap<String, serde_json::Value>>(&source(text))
        };
        assert!(read("a: 1\na: 2\n").is_err());
        assert!(read("a: !!binary aGk=\nb: !thing {}\n").is_err());
        let read = read("yes: no\n").expect("YAML");
        assert_eq!(read.get("yes"), Some(&serde_json::json!("no")));
    }

    #[test]
    fn what_was_meant_by_an_unknown_key_or_word() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "lowercase")]
        #[expect(dead_code, reason = "only reading is tested")]
        enum Kind {
            Enforce,
            Shadow { until: u8, reason: u8, owner: u8 },
            Both { first: u8, other: u8 },
        }
        let help = |text: &str| read::<Kind>(&source(text)).unwrap_err().help;
        assert_eq!(help("shadow: { resaon: 1 }").as_deref(), Some("did you mean `reason`?"));
        assert_eq!(help("both: { frist: 1 }").as_deref(), Some("did you mean `first`?"));
        assert_eq!(help("enfroce").as_deref(), Some("did you mean `enforce`?"));
        assert_eq!(help("shadow: { colour: 1 }"), None);
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_told_in_words_of_yaml() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only reading is tested")]
        struct Outer {
            version: u16,
            inner: std::collections::BTreeMap<String, Vec<Inner>>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only reading is tested")]
        struct Inner {
            a: bool,
            b: f64,
        }
        for (text, message, line) in [
            ("version: 1\n", "`inner` is missing", None),
            ("version: -1\ninner: {}\n", "this must be a whole number from 0 to 65535", Some(1)),
            (
                "version: 1\ninner:\n  x:\n    - a: true\n",
                "`inner.x.0` has no `b`, which is required",
                Some(4),
            ),
            (
                "version: 1\ninner: { x: [{ a: yes, b: 1 }] }\n",
                "this must be `true` or `false`",
                Some(2),
            ),
            ("version: 1\ninner: { x: [{ a: true, b: c }] }\n", "this must be a number", Some(2)),
        ] {
            let problem = read::<Outer>(&source(text)).unwrap_err();
            let lines = problem.place.and_then(|place| place.lines());
            assert_eq!(
                (problem.message.as_str(), lines.map(|[start, _]| start.0)),
                (message, line)
            );
        }
    }

    #[test]
    fn an_error_of_the_parser_has_a_place() {
        let problem = read::<Vec<String>>(&source("- a\n- b: [c\n")).unwrap_err();
        let place = problem.place.and_then(|place| place.lines());
        assert!(place.is_some(), "{}", problem.message);
    }
}
