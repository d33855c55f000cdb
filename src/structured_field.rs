//! Parts of structured fields (RFC 9651) that the gate's own header fields are made of.

use sfv::{RefBareItem, StringRef};

/// Appends a parameter with a string, which holds visible ASCII only: without one, there is none.
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

/// A string item, which holds visible ASCII only.
pub(crate) fn text(text: &str) -> Option<RefBareItem<'_>> {
    StringRef::from_str(text).ok().map(RefBareItem::String)
}
