//! The names of bundles, servers, classes, layers and environments.

/// Whether a name is valid in action ids, layer names, metric names and headers.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}
