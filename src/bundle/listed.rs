//! The texts with which a server listed its tools as they are pinned.
//!
//! Most of the time, a server lists a tool with the same bytes. To find them again is much faster than
//! to read them, and to compare digests.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use crate::json::{Element, Extent};

/// The texts of one server.
#[derive(Debug, Default)]
pub(crate) struct Listed(Mutex<Texts>);

#[derive(Debug, Default)]
struct Texts {
    /// In the order of their texts, none of which begins another one: each is an object.
    known: Vec<Known>,
    bytes: usize,
}

#[derive(Debug)]
struct Known {
    text: Box<str>,
    values: usize,
    tool: Arc<str>,
}

impl Listed {
    /// The length of the tool that is known and with which a text begins.
    pub(crate) fn extent(&self, text: &str) -> Option<Extent> {
        self.find(text, |known| Extent { bytes: known.text.len(), values: known.values })
    }

    /// The name on the wire of the tool with this text, if it is known.
    pub(crate) fn tool(&self, text: &str) -> Option<Arc<str>> {
        self.find(text, |known| Arc::clone(&known.tool))
    }

    /// Keeps the text of an object that is a tool as it is pinned. If all texts would have more bytes
    /// than the limit, the others are forgotten.
    pub(crate) fn keep(&self, tool: &str, Element { text, values }: Element<'_>, limit: usize) {
        // In an event, a message has no line ends.
        if text.len() > limit || text.contains(['\r', '\n']) {
            return;
        }
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.bytes.saturating_add(text.len()) > limit {
            *texts = Texts::default();
        }
        if let Err(place) = texts.known.binary_search_by(|known| known.order(text)) {
            texts.known.insert(place, Known { text: text.into(), values, tool: tool.into() });
            texts.bytes = texts.bytes.saturating_add(text.len());
        }
    }

    fn find<T>(&self, text: &str, get: impl FnOnce(&Known) -> T) -> Option<T> {
        let texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = texts.known.binary_search_by(|known| known.order(text)).ok()?;
        texts.known.get(place).map(get)
    }
}

impl Known {
    /// How the text compares with another one; it is equal to one that begins with it. In Wasm, this
    /// is several times as fast as a comparison of slices, which takes one byte after the other.
    fn order(&self, text: &str) -> Ordering {
        let known = self.text.as_bytes();
        let text = text.as_bytes();
        let text = text.get(..known.len()).unwrap_or(text);
        let (words, others) = (known.as_chunks::<8>().0, text.as_chunks::<8>().0);
        if let Some((word, other)) = words.iter().zip(others).find(|(word, other)| word != other) {
            return word.cmp(other);
        }
        let compared = words.len().min(others.len()).saturating_mul(8);
        known.get(compared..).cmp(&text.get(compared..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(listed: &Listed, text: &str, limit: usize) {
        listed.keep(text, Element { text, values: 1 }, limit);
    }

    #[test]
    fn a_text_is_found_where_another_one_begins_with_it() {
        let listed = Listed::default();
        let texts: Vec<String> = (0..200)
            .map(|number| format!("{{\"{}\":{number}}}", "x".repeat(number * 7 % 20)))
            .collect();
        for text in &texts {
            keep(&listed, text, 1 << 16);
        }
        for text in &texts {
            for rest in ["", ",", ",{}]}", "}", "\u{e4}", &texts[7]] {
                let longer = format!("{text}{rest}");
                let extent = Extent { bytes: text.len(), values: 1 };
                assert_eq!(listed.extent(&longer), Some(extent), "{longer}");
                assert_eq!(listed.tool(&longer).as_deref(), Some(text.as_str()));
            }
            for end in 0..text.len() {
                let (begin, rest) = text.split_at(end);
                assert_eq!(listed.extent(begin), None);
                let other = [begin, "?", rest.get(1..).unwrap()].concat();
                assert_eq!(listed.extent(&other), None, "{other}");
            }
        }
        assert_eq!(listed.extent(""), None);
    }

    #[test]
    fn texts_take_no_more_bytes_than_the_limit() {
        let listed = Listed::default();
        let known = |text: &str| listed.extent(text).is_some();
        keep(&listed, "{\"a\":1}", 16);
        keep(&listed, "{\"a\":1}", 16);
        keep(&listed, "{\"b\":1}", 16);
        assert!(known("{\"a\":1}") && known("{\"b\":1}"));
        keep(&listed, "{\"c\":1}", 16);
        assert!(known("{\"c\":1}") && !known("{\"a\":1}") && !known("{\"b\":1}"));
        keep(&listed, "{\"a\":\"0123456789\"}", 16);
        keep(&listed, "{\"a\":\n1}", 16);
        assert!(known("{\"c\":1}") && !known("{\"a\":\"0123456789\"}") && !known("{\"a\":\n1}"));
    }
}
