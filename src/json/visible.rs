//! Escapes characters that are invisible or control a terminal.

/// Whether a character is a control other than line feed and tab, default-ignorable in Unicode, a
/// line or paragraph separator, or a noncharacter. U+FE0E and U+FE0F are excluded: they only choose
/// between the two forms of an emoji.
pub(crate) fn is_hidden(character: char) -> bool {
    let plain = matches!(character, '\n' | '\t');
    let ignorable = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    let noncharacter = u32::from(character) & 0xFFFE == 0xFFFE;
    ignorable || noncharacter || (character.is_control() && !plain)
}

/// Escapes such characters in JSON. They occur only in strings, where an escape means the same
/// character.
pub(crate) fn escape_hidden(json: &mut String) {
    let plain = json.is_ascii() && !json.as_bytes().contains(&0x7F);
    if plain || !json.contains(is_hidden) {
        return;
    }
    let mut escaped = String::with_capacity(json.len().saturating_mul(2));
    for character in json.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units).iter();
            escaped.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(character);
        }
    }
    *json = escaped;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn nothing_hidden_is_left_and_the_value_is_the_same(text: String, hidden: char, name: String) {
            let text = format!("{text}{hidden}\u{7f}\u{202e}\u{2028}\u{feff}\u{e0041}{text}");
            let value = json!({ name: [text] });
            let mut json = value.to_string();
            escape_hidden(&mut json);
            prop_assert!(!json.contains(is_hidden), "{}", json);
            prop_assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), value);
        }
    }

    #[test]
    fn what_shows_stays_as_it_is() {
        for (json, escaped) in [
            ("{\"é\":\"😀⚠\u{fe0f}\"}", "{\"é\":\"😀⚠\u{fe0f}\"}"),
            ("[\"a\u{7f}\",\"\u{9b}31m\"]", "[\"a\\u007f\",\"\\u009b31m\"]"),
            ("\"\u{e0041}\u{10ffff}\"", "\"\\udb40\\udc41\\udbff\\udfff\""),
            ("{}\n{\"a\":\"\u{200b}\"}", "{}\n{\"a\":\"\\u200b\"}"),
        ] {
            let mut text = json.to_owned();
            escape_hidden(&mut text);
            assert_eq!(text, escaped);
        }
    }
}
