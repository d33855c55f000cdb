//! A Cedar `like` for a pattern, and strings that nearly match it.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::examples::matching;

/// How many letters are tried, and at how many positions.
const LETTERS: usize = 6;
const PLACES: usize = 48;

/// The operand of a Cedar `like` that holds for every string that the pattern matches.
pub(super) fn like(pattern: &str) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let whole = std::slice::from_ref(&hir);
    let parts = if let HirKind::Concat(parts) = hir.kind() { parts } else { whole };
    let is =
        |part: Option<&Hir>, look| part.is_some_and(|part| *part.kind() == HirKind::Look(look));
    let mut text = String::new();
    if !is(parts.first(), Look::Start) {
        text.push('*');
    }
    for part in parts {
        common(part, &mut text)?;
    }
    if !is(parts.last(), Look::End) && !text.ends_with('*') {
        text.push('*');
    }
    (text != "*").then_some(text)
}

fn common(hir: &Hir, text: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => {
            for letter in std::str::from_utf8(&literal.0).ok()?.chars() {
                if letter == '*' {
                    text.push_str("\\*");
                } else {
                    text.extend(letter.escape_default());
                }
            }
        }
        HirKind::Capture(capture) => common(&capture.sub, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| common(part, text))?,
        HirKind::Class(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => {
            if !text.ends_with('*') || text.ends_with("\\*") {
                text.push('*');
            }
        }
    }
    Some(())
}

/// Variants of a string that may fit a pattern: up to two letters longer.
pub(super) fn near(text: &str, pattern: &str) -> Vec<String> {
    let mut letters: Vec<char> = matching(pattern).iter().flat_map(|text| text.chars()).collect();
    letters.extend(['x', '0']);
    letters.sort_unstable();
    letters.dedup();
    letters.truncate(LETTERS);
    let once = longer(text, &letters);
    let twice: Vec<_> = once.iter().flat_map(|text| longer(text, &letters)).collect();
    once.into_iter().chain(twice).collect()
}

fn longer(text: &str, letters: &[char]) -> Vec<String> {
    let places = text.char_indices().map(|(place, _)| place).chain([text.len()]).take(PLACES);
    let all = places.flat_map(|place| letters.iter().map(move |letter| (place, *letter)));
    let longer = all.filter_map(|(place, letter)| {
        let (before, after) = text.split_at_checked(place)?;
        Some(format!("{before}{letter}{after}"))
    });
    longer.collect()
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::{like, near};

    #[test]
    fn what_all_matches_have_in_common() {
        for (pattern, expected) in [
            ("^c-\\d+$", Some("c-*")),
            ("^[^@]+@[^@]+$", Some("*@*")),
            ("@(acme|globex)\\.example$", Some("*@*.example")),
            ("^a\\*b", Some("a\\*b*")),
            ("^(cus)_x$", Some("cus_x")),
            ("^\"$", Some("\\\"")),
            ("a|b", None),
            ("^(?i)a$", None),
            ("", None),
        ] {
            assert_eq!(like(pattern).as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn what_nearly_fits_is_found() {
        let pattern = "^[^@ ]+@[^@ ]+$";
        let fitting = Regex::new(pattern).unwrap();
        for text in ["@acme.example", "acme@", "@", "@a"] {
            assert!(near(text, pattern).iter().any(|text| fitting.is_match(text)), "{text}");
        }
    }
}
