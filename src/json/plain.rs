//! Makes text from callers safe for logs.

use std::borrow::Cow;

/// The maximum length of a caller's name in a record.
const LONGEST_NAME: usize = 256;

/// A caller's name, truncated and with control characters escaped.
pub(crate) fn cut(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST_NAME && is_plain(name) {
        return Cow::Borrowed(name);
    }
    name.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect()
}

/// Whether a text is printable ASCII without quotes and backslashes.
pub(crate) fn is_plain(text: &str) -> bool {
    let plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
    text.bytes().all(plain)
}
