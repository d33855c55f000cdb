//! The distinct identities of the test files.

use std::collections::BTreeSet;

use crate::cli::input::cases::{Identity, Suite};

/// Somebody whom a test file knows.
#[derive(Clone, Debug)]
pub(super) struct Person<'a> {
    /// The file.
    pub(super) file: String,
    /// The name in it.
    pub(super) name: &'a str,
    /// What the proxy has verified.
    pub(super) identity: &'a Identity,
}

/// Everybody, but of several who are the same only the first.
pub(super) fn all(suite: &Suite) -> Vec<Person<'_>> {
    let mut seen = BTreeSet::new();
    let people = suite.files().flat_map(|(file, read)| {
        let person = |(name, identity)| Person { file: file.name.clone(), name, identity };
        read.identities.iter().map(|(name, identity)| (name.as_str(), identity)).map(person)
    });
    people.filter(|person| seen.insert(format!("{:?}", person.identity))).collect()
}
