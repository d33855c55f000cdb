//! YAML with places: a file as a Rust type, and where in the file each of its keys stands.

use std::ops::Range;
use std::rc::Rc;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_saphyr::{Location, MessageFormatter as _, Options, Spanned, UserMessageFormatter};

use super::report::{Place, Problem, SourceFile};

/// Reads a file as a `T`.
///
/// # Errors
///
/// The first thing in the file that is no YAML or does not fit the type.
pub(super) fn read<T: DeserializeOwned>(file: &Rc<SourceFile>) -> Result<T, Problem> {
    serde_saphyr::from_str_with_options(&file.text, options()).map_err(|error| {
        let message = UserMessageFormatter.format_message(error.without_snippet()).into_owned();
        let span = error.location().as_ref().and_then(bytes);
        let place = match span {
            Some(span) => Place::at(file, span),
            None => Place::whole(file),
        };
        Problem::at(place, message.replace('\n', " "))
    })
}

/// Nothing in these files may mean one thing here and another in the next YAML reader.
fn options() -> Options {
    serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        reject_unsupported_tags: true,
    }
}

/// The places of everything in a file.
#[derive(Debug, Default)]
pub(super) struct Places {
    root: Option<Node>,
}

#[derive(Debug)]
enum Node {
    Scalar,
    List(Vec<(Range<usize>, Node)>),
    Map(Vec<(String, Range<usize>, Node)>),
}

impl Places {
    /// The places in a file that [`read`] has read.
    pub(super) fn of(file: &SourceFile) -> Self {
        let root = serde_saphyr::from_str_with_options::<Node>(&file.text, options());
        Self { root: root.ok() }
    }

    /// Where the key of a dotted path stands, or as much of the path as there is. Elements of
    /// lists are named by their position.
    pub(super) fn find(&self, path: &str) -> Option<Range<usize>> {
        self.root.as_ref()?.find(path)
    }
}

impl Node {
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
            // A key may itself contain dots, so every key that begins the path is tried.
            Self::Map(members) => members.iter().find_map(|(key, span, node)| {
                let rest = path.strip_prefix(key.as_str())?;
                let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
                node.find(rest).or_else(|| Some(span.clone()))
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
        while let Some((key, node)) = members.next_entry::<Spanned<String>, Node>()? {
            map.push((key.value, bytes(&key.referenced).unwrap_or_default(), node));
        }
        Ok(Node::Map(map))
    }
}

fn bytes(location: &Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some(start..start.checked_add(length)?)
}
