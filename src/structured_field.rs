//! Building blocks of the gate's own structured header fields (RFC 9651).

use sfv::{RefBareItem, StringRef};

/// Appends a string parameter, unless its value contains anything but visible ASCII.
pub(crate) fn parameter(name: &str, value: &str, list: &mut String) {
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return;
    }
    list.push_str(name);
    list.push('"');
    if value.contains(['"', '\\']) {
        list.push_str(&value.replace('\\', "\\\\").replace('"', "\\\""));
    } else {
        list.push_str(value);
    }
    list.push('"');
}

/// A string item; `None` unless the text is visible ASCII.
pub(crate) fn text(text: &str) -> Option<RefBareItem<'_>> {
    StringRef::from_str(text).ok().map(RefBareItem::String)
}
