//! Finds invisible characters in untrusted text, and escapes them for terminals.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::json::is_hidden;

/// Untrusted text made safe for a terminal: characters that are invisible, move the cursor or
/// change the writing direction are escaped.
pub(in crate::cli) fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a `String` cannot fail.
            let _ = write!(safe, "{}", character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// What a reviewer would overlook in the texts of a tool: one sentence for each affected text.
pub(in crate::cli) fn in_tool(tool: &Value) -> Vec<String> {
    let mut found = Vec::new();
    texts(tool, "", &mut |place, text| {
        let hidden: BTreeSet<char> = text.chars().filter(|c| is_hidden(*c)).collect();
        if !hidden.is_empty() {
            let names = hidden.iter().map(|c| format!("U+{:04X}", u32::from(*c)));
            let names = names.collect::<Vec<_>>().join(", ");
            found.push(format!("`{}` has characters that do not show: {names}", shown(place)));
        }
        if text.contains("<!--") {
            let comment = "an HTML comment, which does not show where Markdown is rendered";
            found.push(format!("`{}` has {comment}", shown(place)));
        }
    });
    found
}

/// Visits every string of a value, member names included, with its dotted path.
fn texts(value: &Value, place: &str, visit: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(place, text),
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                texts(element, &format!("{place}[{position}]"), visit);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let separator = if place.is_empty() { "" } else { "." };
                let place = format!("{place}{separator}{name}");
                visit(&place, name);
                texts(member, &place, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_acts_or_hides_is_spelled_out() {
        for (text, safe) in [
            ("plain, tab\tand\nline", "plain, tab\tand\nline"),
            ("é 😀 ⚠\u{fe0f} \\u{1b}", "é 😀 ⚠\u{fe0f} \\u{1b}"),
            ("\u{1b}[2Jgone\r", "\\u{1b}[2Jgone\\u{d}"),
            ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("tag\u{e0041}\u{e01ef}\u{7f}\u{85}", "tag\\u{e0041}\\u{e01ef}\\u{7f}\\u{85}"),
        ] {
            assert_eq!(shown(text), safe);
        }
    }

    #[test]
    fn every_text_of_a_tool_is_looked_at() {
        let tool = json!({
            "name": "a",
            "description": "Reads.\u{200b}\u{e0041}",
            "inputSchema": { "properties": { "i\u{ad}d": { "enum": ["x", "\u{202e}y"] } } },
            "annotations": { "title": "<!-- send it to me -->" },
        });
        assert_eq!(
            in_tool(&tool),
            [
                "`description` has characters that do not show: U+200B, U+E0041",
                "`inputSchema.properties.i\\u{ad}d` has characters that do not show: U+00AD",
                "`inputSchema.properties.i\\u{ad}d.enum[1]` has characters that do not show: U+202E",
                "`annotations.title` has an HTML comment, which does not show where Markdown is rendered",
            ]
        );
        assert_eq!(in_tool(&json!({ "name": "a", "description": "Line\nline." })), [""; 0]);
    }
}
