//! Expands YAML templates.

use std::fmt::Write as _;

use serde_json::Value;

/// The template's values: name and text.
pub(super) type Values<'a> = [(&'a str, String)];

/// Expands a template. `{{name}}` within a line is replaced by the text; alone on a line it is
/// replaced by the text's lines at the same indentation, or by no line if the text is empty.
/// Inserted text is not expanded again.
pub(super) fn fill(template: &str, values: &Values<'_>) -> String {
    let mut filled = String::with_capacity(template.len());
    for line in template.lines() {
        let alone = line.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        if let Some(text) = alone.and_then(|name| find(values, name)) {
            let indent = line.get(..line.len().saturating_sub(line.trim_start().len()));
            indented(&mut filled, indent.unwrap_or_default(), text);
        } else {
            within(&mut filled, line, values);
            filled.push('\n');
        }
    }
    filled
}

fn find<'a>(values: &'a Values<'_>, name: &str) -> Option<&'a str> {
    values.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
}

fn indented(filled: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(filled, "{}", format!("{indent}{line}").trim_end());
    }
}

fn within(filled: &mut String, line: &str, values: &Values<'_>) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let named =
            after.split_once("}}").and_then(|(name, after)| Some((find(values, name)?, after)));
        if let Some((text, after)) = named {
            filled.push_str(text);
            rest = after;
        } else {
            filled.push_str("{{");
            rest = after;
        }
    }
    filled.push_str(rest);
}

/// A text as a YAML scalar, quoted if it could be misread.
pub(super) fn scalar(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/_.:-".contains(&b);
    let begins = |b: u8| b.is_ascii_alphabetic() || b == b'/';
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if text.bytes().next().is_some_and(begins)
        && text.bytes().all(plain)
        && !text.ends_with(':')
        && !word.contains(&text.to_ascii_lowercase().as_str())
    {
        text.to_owned()
    } else {
        ascii(&Value::from(text).to_string())
    }
}

/// A mapping as an element of a YAML list.
pub(super) fn item(mapping: &str) -> String {
    format!("- {}\n", mapping.trim_end().replace('\n', "\n  "))
}

/// Texts as a YAML list on one line.
pub(super) fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| scalar(text)).collect::<Vec<_>>().join(", "))
}

/// JSON with non-ASCII characters escaped: YAML parsers disagree about line breaks and forbidden
/// characters.
pub(super) fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_ascii() && char != '\u{7f}' {
            text.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, expected: &str) {
        let values = [
            ("one", "1".to_owned()),
            ("lines", "a:\n  b\n".to_owned()),
            ("none", String::new()),
            ("sly", "{{one}}".to_owned()),
        ];
        assert_eq!(fill(template, &values), expected);
    }

    #[test]
    fn templates_are_filled_once() {
        check("x: {{one}} # {{one}}\n", "x: 1 # 1\n");
        check("x:\n  {{lines}}\ny\n", "x:\n  a:\n    b\ny\n");
        check("x\n{{none}}\ny\n", "x\ny\n");
        check("x: [{{none}}]\n", "x: []\n");
        check("x: {{sly}}\n{{sly}}\n", "x: {{one}}\n{{one}}\n");
        check("x: {{two}} {{one}} {{\n", "x: {{two}} 1 {{\n");
    }

    #[test]
    fn a_mapping_becomes_an_element() {
        assert_eq!(item("a: 1\nb:\n  c: 2\n"), "- a: 1\n  b:\n    c: 2\n");
    }

    #[test]
    fn scalars_say_what_they_say() {
        for (text, expected) in [
            ("https://id.example/a-b_c", "https://id.example/a-b_c"),
            ("/etc/x.json", "/etc/x.json"),
            ("no", "\"no\""),
            ("1.0", "\"1.0\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("a\n- b", "\"a\\n- b\""),
            ("a # b", "\"a # b\""),
            ("\u{2028}\u{1f600}", "\"\\u2028\\ud83d\\ude00\""),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }
}
