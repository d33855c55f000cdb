//! A list in a message, of which elements can be known.

/// The number of members that lead to a list.
pub(super) const LEADING: usize = 2;

/// A list in a message.
#[derive(Clone, Copy)]
pub(crate) struct List<'k> {
    /// The names of the members that lead to it.
    pub(crate) path: [&'static str; LEADING],
    /// The value with which a text begins, if [`read_message`](super::read_message) read the same bytes
    /// before, in such a list and to the same depth.
    pub(crate) known: &'k dyn Fn(&str) -> Option<Extent>,
}

/// How long a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Extent {
    /// The number of bytes.
    pub(crate) bytes: usize,
    /// The number of values, including each element and member.
    pub(crate) values: usize,
}

/// An element of the list in a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Element<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// The number of values in it.
    pub(crate) values: usize,
}
