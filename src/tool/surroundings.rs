//! What a bundle says about all of its tools.

use std::collections::BTreeSet;

/// What a bundle says about all of its tools.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The names of the types that the bundle's own Cedar schema declares outside any namespace.
    /// Cedar does not allow a generated type to have such a name, so it gets the suffix `_`.
    pub types: BTreeSet<String>,
    /// The names of arguments that clients add to every call. A tool that does not name them gets
    /// them unread.
    pub ignored: BTreeSet<String>,
}
