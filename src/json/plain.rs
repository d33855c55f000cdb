//! Texts from callers as logs can bear them.

use std::borrow::Cow;

/// The longest name from a caller that a record shows.
const LONGEST_NAME: usize = 256;

/// A name from the caller, as a log can bear it: cut, and with nothing that could begin a new line.
pub(crate) fn cut(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST_NAME && is_plain(name) {
        return Cow::Borrowed(name);
    }
    name.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect()
}

/// Whether a text is ASCII that nothing escapes.
pub(crate) fn is_plain(text: &str) -> bool {
    let plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
    text.bytes().all(plain)
}
