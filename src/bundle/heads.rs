//! What must be known of a layer's policies when it is loaded: for which calls they are, and which
//! of them are in shadow.

use super::{Mode, Policies};
use crate::policy::{Head, Index};

/// The heads of a layer's policies.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Where calls find them.
    pub(super) index: Index,
    /// Those in shadow, by their position.
    pub(super) shadow: Vec<u32>,
}

impl Heads {
    /// Reads the heads of these policies.
    ///
    /// # Errors
    ///
    /// Policies with an unknown `@mode`, by id, and what is wrong with it.
    pub(super) fn read(policies: &Policies) -> Result<Self, Vec<(String, String)>> {
        let mut heads = Self { index: Index::with_capacity(policies.len()), shadow: Vec::new() };
        let mut unknown = Vec::new();
        // There is no memory to hold 2^32 policies.
        for (position, policy) in (0..=u32::MAX).zip(policies.iter()) {
            let head = Head::of(policy);
            heads.index.insert(&head.scope, position);
            match mode(head.mode.as_deref()) {
                Ok(Mode::Shadow) => heads.shadow.push(position),
                Ok(Mode::Enforce) => {}
                Err(message) => unknown.push((policy.id.to_owned(), message)),
            }
        }
        if unknown.is_empty() { Ok(heads) } else { Err(unknown) }
    }
}

/// The annotation `@mode`.
fn mode(mode: Option<&str>) -> Result<Mode, String> {
    match mode {
        None | Some("enforce") => Ok(Mode::Enforce),
        Some("shadow") => Ok(Mode::Shadow),
        Some(other) => Err(format!("`{other}` is not a mode: there are `enforce` and `shadow`")),
    }
}
