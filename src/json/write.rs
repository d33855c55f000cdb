//! Serializes JSON directly into a `String`: strings, and values as they are or in the canonical form
//! (RFC 8785).

use super::text::{copy_plain, is_plain};
use super::{Number, Object, Value, unread};

/// Larger than most arguments.
const USUAL: usize = 512;

impl Value<'_> {
    /// The canonical JSON of the value.
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(USUAL);
        write::<true>(self, &mut text);
        text
    }

    /// The JSON of the value in the order of the document, as `serde_json` writes it but faster. It
    /// takes about as many bytes as `size`.
    pub fn to_json(&self, size: usize) -> String {
        let mut text = String::with_capacity(size);
        write::<false>(self, &mut text);
        text
    }
}

impl Object<'_> {
    /// The canonical JSON of the object.
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(USUAL);
        object::<true>(self, &mut text);
        text
    }

    /// The JSON of the object, as [`Value::to_json`].
    pub fn to_json(&self, size: usize) -> String {
        let mut text = String::with_capacity(size);
        object::<false>(self, &mut text);
        text
    }
}

/// Appends a string in its JSON spelling, which is also the canonical one.
pub(crate) fn quote(string: &str, text: &mut String) {
    text.push('"');
    if is_plain(string.as_bytes()) {
        text.push_str(string);
    } else {
        text.push_str(&escaped(string));
    }
    text.push('"');
}

/// A string with escapes for quotes, backslashes and control characters.
fn escaped(string: &str) -> String {
    let mut rest = string.as_bytes();
    let mut escaped = Vec::with_capacity(string.len().saturating_add(string.len() / 4));
    loop {
        let plain = copy_plain(rest, &mut escaped);
        let Some(special) = rest.get(plain) else { break };
        escape(*special, &mut escaped);
        rest = rest.get(plain.saturating_add(1)..).unwrap_or_default();
    }
    // Escapes take the place of whole characters, so this does not fail.
    String::from_utf8(escaped).unwrap_or_default()
}

/// Appends the escape of a quote, a backslash or a control character.
fn escape(special: u8, text: &mut Vec<u8>) {
    let short = match special {
        b'"' | b'\\' => special,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        _ => {
            text.extend_from_slice(b"\\u00");
            text.extend_from_slice(&hex(special));
            return;
        }
    };
    text.extend_from_slice(&[b'\\', short]);
}

/// The two hexadecimal digits of a byte.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    // The hexadecimal letters follow the backtick in ASCII.
    [byte >> 4, byte & 15].map(|n| if n < 10 { b'0' | n } else { b'`' | n.wrapping_sub(9) })
}

fn write<const SORTED: bool>(value: &Value<'_>, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.has_one_spelling() => text.push_str(number.as_str()),
        Value::Number(number) if SORTED => double(*number, text),
        Value::Number(number) => other(*number, text),
        Value::String(string) => quote(string, text),
        Value::Array(elements) => array::<SORTED>(elements, text),
        Value::Object(members) => object::<SORTED>(members, text),
        Value::Raw(json) if SORTED => write::<SORTED>(&unread(json), text),
        Value::Raw(json) => text.push_str(json),
    }
}

/// Appends a number with a fraction or an exponent in its ECMAScript spelling.
#[cold]
fn double(number: Number<'_>, text: &mut String) {
    text.push_str(ryu_js::Buffer::new().format_finite(number.as_f64()));
}

/// Appends such a number in the spelling of `serde_json`.
#[cold]
fn other(number: Number<'_>, text: &mut String) {
    text.push_str(&serde_json::to_string(&number).unwrap_or_else(|_| "null".to_owned()));
}

fn array<const SORTED: bool>(elements: &[Value<'_>], text: &mut String) {
    let mut before = '[';
    for element in elements {
        text.push(before);
        write::<SORTED>(element, text);
        before = ',';
    }
    if elements.is_empty() {
        text.push(before);
    }
    text.push(']');
}

fn object<const SORTED: bool>(object: &Object<'_>, text: &mut String) {
    if SORTED {
        let mut sorted: Vec<_> = object.iter().collect();
        sorted.sort_unstable_by(|(a, _), (b, _)| units(a).cmp(units(b)));
        members::<SORTED>(sorted.into_iter(), text);
    } else {
        members::<SORTED>(object.iter(), text);
    }
}

fn members<'v, 'a: 'v, const SORTED: bool>(
    members: impl ExactSizeIterator<Item = (&'v str, &'v Value<'a>)>,
    text: &mut String,
) {
    if members.len() == 0 {
        text.push('{');
    }
    let mut before = '{';
    for (name, value) in members {
        text.push(before);
        quote(name, text);
        text.push(':');
        write::<SORTED>(value, text);
        before = ',';
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
    use crate::json::read_body;

    proptest! {
        #[test]
        fn values_are_written_as_serde_json_does(
            string in any::<String>(),
            integer in any::<i64>(),
            double in proptest::num::f64::NORMAL,
            fraction in "-?(0|[1-9][0-9]{0,6})[.][0-9]{1,9}(e-?[0-9])?",
        ) {
            let string = serde_json::to_string(&string.replace('\0', "")).expect("a string can be written");
            let members = format!(r#""z":{integer},"b":{{"y":{double:e},"c":{string}}},"a":[{fraction},{{}},[]]"#);
            for document in [format!("{{{members},{string}:[null,true,false,-0,1.0,\"\"]}}"), format!("[{{{members}}}]")] {
                let read = read_body(document.as_bytes(), 8, 100);
                let Ok(value) = read else { continue };
                let expected = serde_json::to_string(&value).expect("a value can be written");
                prop_assert_eq!(value.to_json(document.len()), expected);
            }
        }

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
