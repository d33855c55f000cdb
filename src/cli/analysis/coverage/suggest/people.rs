//! The distinct identities of the test files.

use std::collections::BTreeSet;

use crate::cli::input::cases::{Identity, Suite};

/// An identity from a test file.
#[derive(Clone, Debug)]
pub(super) struct Person<'a> {
    /// The file.
    pub(super) file: String,
    /// Its name in the file.
    pub(super) name: &'a str,
    /// The verified identity.
    pub(super) identity: &'a Identity,
}

/// All identities, without duplicates.
pub(super) fn all(suite: &Suite) -> Vec<Person<'_>> {
    let mut seen = BTreeSet::new();
    let people = suite.files().flat_map(|(file, read)| {
        let person = |(name, identity)| Person { file: file.name.clone(), name, identity };
        read.identities.iter().map(|(name, identity)| (name.as_str(), identity)).map(person)
    });
    people.filter(|person| seen.insert(format!("{:?}", person.identity))).collect()
}
