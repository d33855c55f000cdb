//! The names of a tool: on the wire as its server chose it, and in a bundle.

use std::collections::{BTreeMap, BTreeSet};

use super::cedar::identifier;
use crate::json::is_hidden;

/// The maximum length of a name, in characters.
const LONGEST: usize = 128;

/// The length of a proposed name that leaves room for a number.
const NUMBERED: usize = 120;

/// Whether a bundle can name a tool so: in policies, records and metrics, without quotes.
pub fn is_tool_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(is_plain)
}

/// Whether a server can name a tool so. Every character shows, so that nobody reviews another name
/// than calls have.
pub fn is_wire_name(name: &str) -> bool {
    let shows = |character: char| {
        let blank = character.is_whitespace() || character.is_control() || is_hidden(character);
        // A blank of Braille.
        character == ' ' || !(blank || character == '\u{2800}')
    };
    // They choose the form of the symbol before them, and are nothing after a letter.
    let selects = |(before, after): (char, char)| {
        matches!(after, '\u{fe0e}' | '\u{fe0f}') && before.is_alphanumeric()
    };
    !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= LONGEST
        && name.chars().all(shows)
        && !name.chars().zip(name.chars().skip(1)).any(selects)
}

/// Names for tools in a bundle, by their names on the wire: the same where a bundle can have it,
/// else a similar one. Cedar can tell them from each other and from those that are `taken`.
pub fn tool_names<'a>(
    wire_names: impl IntoIterator<Item = &'a str>,
    taken: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<&'a str, String> {
    let mut taken: BTreeSet<String> = taken.into_iter().map(identifier).collect();
    let (same, others): (Vec<&str>, Vec<&str>) = wire_names
        .into_iter()
        .partition(|name| is_tool_name(name) && taken.insert(identifier(name)));
    let same = same.into_iter().map(|name| (name, name.to_owned()));
    let similar = others.into_iter().map(|name| (name, similar(name, &mut taken)));
    same.chain(similar).collect()
}

/// A name that is not taken, made of the plain parts of another one.
fn similar(name: &str, taken: &mut BTreeSet<String>) -> String {
    let parts = name.split(|character| !is_plain(character)).filter(|part| !part.is_empty());
    let parts = parts.collect::<Vec<_>>().join("_");
    let first = if parts.is_empty() { "tool".to_owned() } else { parts };
    let start: String = first.chars().take(NUMBERED).collect();
    let others = (2_usize..).map(|number| format!("{start}_{number}"));
    let mut names = std::iter::once(first.clone()).chain(others);
    names.find(|name| taken.insert(identifier(name))).unwrap_or_default()
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_and_bundles_can_name_a_tool() {
        let long = "x".repeat(LONGEST);
        for (name, on_the_wire, in_a_bundle) in [
            ("get_contact", true, true),
            ("a.b-C_1", true, true),
            (&long, true, true),
            (&format!("{long}x"), false, false),
            (&"é".repeat(LONGEST), true, false),
            (&"é".repeat(LONGEST + 1), false, false),
            ("github/create_issue", true, false),
            ("context7:get-docs", true, false),
            ("Get Weather", true, false),
            ("天気 \"☂️\" \\ {*}", true, false),
            ("", false, false),
            (" ", false, false),
            (" get", false, false),
            ("get ", false, false),
            ("get\nset", false, false),
            ("get\tset", false, false),
            ("get\u{1b}[2J", false, false),
            ("get\u{7f}", false, false),
            ("get\u{a0}set", false, false),
            ("get\u{3000}set", false, false),
            ("get\u{ad}", false, false),
            ("get\u{fe0f}", false, false),
            ("ge\u{2800}t", false, false),
            ("get\u{200b}", false, false),
            ("get\u{202e}tes", false, false),
            ("get\u{2028}", false, false),
            ("get\u{e0041}", false, false),
        ] {
            assert_eq!(is_wire_name(name), on_the_wire, "{name:?}");
            assert_eq!(is_tool_name(name), in_a_bundle, "{name:?}");
        }
    }

    #[track_caller]
    fn check(taken: &[&str], wire_names: &[&str], expected: &[&str]) {
        let names = tool_names(wire_names.iter().copied(), taken.iter().copied());
        let names: Vec<&str> = wire_names.iter().map(|name| names[name].as_str()).collect();
        assert_eq!(names, expected);
        assert!(names.iter().all(|name| is_tool_name(name)));
    }

    #[test]
    fn names_that_cedar_can_tell_apart() {
        check(
            &[],
            &[
                "github/create_issue",
                "context7:get-docs",
                "Get Weather",
                "a / b // c",
                "天気",
                "天",
            ],
            &["github_create_issue", "context7_get-docs", "Get_Weather", "a_b_c", "tool", "tool_2"],
        );
        // A name that a bundle can have is kept, wherever it stands in the list.
        check(&[], &["a/b", "a_b", "a:b"], &["a_b_2", "a_b", "a_b_3"]);
        check(&[], &["get-x", "get_x", "get.x"], &["get-x", "get_x_2", "get.x_3"]);
        check(&["a-b", "c"], &["a/b", "c"], &["a_b_2", "c_2"]);
        let long = "x".repeat(LONGEST - 1);
        check(&[], &[&format!("{long}/")], &[&long]);
        check(&[&long], &[&long], &[&format!("{}_2", "x".repeat(NUMBERED))]);
    }
}
