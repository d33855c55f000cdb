//! Serializes JSON directly into a `String`: strings, and the canonical form (RFC 8785) of values.

use super::text::plain_prefix;
use super::{Number, Object, Value};

/// Larger than most arguments.
const USUAL: usize = 512;

impl Value<'_> {
    /// The canonical JSON of the value.
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(USUAL);
        write(self, &mut text);
        text
    }
}

impl Object<'_> {
    /// The canonical JSON of the object.
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(USUAL);
        object(self, &mut text);
        text
    }
}

/// Appends a string in its JSON spelling, which is also the canonical one.
pub(crate) fn quote(string: &str, text: &mut String) {
    text.push('"');
    let mut rest = string;
    loop {
        let plain = plain_prefix(rest.as_bytes());
        text.push_str(rest.get(..plain).unwrap_or_default());
        let Some(special) = rest.as_bytes().get(plain) else { break };
        escape(*special, text);
        rest = rest.get(plain.saturating_add(1)..).unwrap_or_default();
    }
    text.push('"');
}

/// Appends the escape of a quote, a backslash or a control character.
#[cold]
fn escape(special: u8, text: &mut String) {
    let short = match special {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        0x08 => "\\b",
        b'\t' => "\\t",
        b'\n' => "\\n",
        0x0C => "\\f",
        b'\r' => "\\r",
        _ => {
            text.push_str("\\u00");
            text.extend(hex(special).map(char::from));
            return;
        }
    };
    text.push_str(short);
}

/// The two hexadecimal digits of a byte.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    // The hexadecimal letters follow the backtick in ASCII.
    [byte >> 4, byte & 15].map(|n| if n < 10 { b'0' | n } else { b'`' | n.wrapping_sub(9) })
}

fn write(value: &Value<'_>, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.has_one_spelling() => text.push_str(number.as_str()),
        Value::Number(number) => double(*number, text),
        Value::String(string) => quote(string, text),
        Value::Array(elements) => array(elements, text),
        Value::Object(members) => object(members, text),
    }
}

/// Appends a number with a fraction or an exponent in its ECMAScript spelling.
#[cold]
fn double(number: Number<'_>, text: &mut String) {
    text.push_str(ryu_js::Buffer::new().format_finite(number.as_f64()));
}

fn array(elements: &[Value<'_>], text: &mut String) {
    let mut before = '[';
    for element in elements {
        text.push(before);
        write(element, text);
        before = ',';
    }
    if elements.is_empty() {
        text.push(before);
    }
    text.push(']');
}

fn object(object: &Object<'_>, text: &mut String) {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_unstable_by(|(a, _), (b, _)| units(a).cmp(units(b)));
    let mut before = '{';
    for (name, value) in members {
        text.push(before);
        quote(name, text);
        text.push(':');
        write(value, text);
        before = ',';
    }
    if object.is_empty() {
        text.push(before);
    }
    text.push('}');
}

/// Bytes that sort like the UTF-16 code units of a string. Only U+E000 to U+FFFF are in a different
/// place: in UTF-16 they sort after supplementary code points, in UTF-8 before them.
fn units(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().map(|byte| if matches!(byte, 0xEE | 0xEF) { byte | 0x10 } else { byte })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_are_quoted_as_serde_json_does(string in any::<String>(), odd in "[\0-\x1f\x7f\"\\\\]{0,8}") {
            for string in [string, odd, "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}".to_owned()] {
                let mut text = String::new();
                quote(&string, &mut text);
                prop_assert_eq!(text, serde_json::to_string(&string).expect("a string can be written"));
            }
        }
    }
}
