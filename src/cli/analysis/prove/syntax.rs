//! Cedar syntax that conditions and assumptions share.

/// The attribute of `context` with the tenant and teams that select layers and that policies do not
/// see.
pub(super) const UNSEEN: &str = "unseen";

/// A Cedar string literal.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
