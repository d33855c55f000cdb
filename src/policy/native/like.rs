//! The pattern of a `like` as the texts between its wildcards.

use cedar_policy_core::ast::{Pattern, PatternElem};

/// A pattern.
///
/// Cedar first splits a string into characters. Searching for one text after the other is faster
/// and does not allocate, which matters for long arguments.
#[derive(Debug)]
pub(super) struct Like {
    /// The text before the first wildcard.
    start: Box<str>,
    /// The text after each wildcard, up to the next one or the end.
    after: Box<[Box<str>]>,
}

impl Like {
    pub(super) fn of(pattern: &Pattern) -> Self {
        let is_wildcard = |element: &PatternElem| *element == PatternElem::Wildcard;
        let mut texts = pattern.get_elems().split(is_wildcard).map(text);
        Self { start: texts.next().unwrap_or_default(), after: texts.collect() }
    }

    /// Whether the whole string matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((end, between)) = self.after.split_last() else { return text == &*self.start };
        let within = text.strip_prefix(&*self.start).and_then(|rest| rest.strip_suffix(&**end));
        // The first occurrence of each text leaves the longest rest for the next one.
        between.iter().fold(within, |rest, next| Some(rest?.split_once(&**next)?.1)).is_some()
    }
}

fn text(elements: &[PatternElem]) -> Box<str> {
    let letter = |element: &PatternElem| match element {
        PatternElem::Char(letter) => Some(*letter),
        PatternElem::Wildcard => None,
    };
    elements.iter().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern() -> impl Strategy<Value = Pattern> {
        let letter = prop_oneof![Just('a'), Just('b'), Just('*'), Just('é')];
        let element = prop_oneof![letter.prop_map(PatternElem::Char), Just(PatternElem::Wildcard)];
        prop::collection::vec(element, 0..8).prop_map(|elements| elements.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_text_matches_where_cedar_says_so(pattern in pattern(), text in "[ab*é]{0,9}") {
            prop_assert_eq!(Like::of(&pattern).matches(&text), pattern.wildcard_match(&text));
        }
    }
}
