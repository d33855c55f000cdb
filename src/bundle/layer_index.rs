//! What loading a layer finds out about its policies.

use super::{Mode, Policies};
use crate::policy::Index;

/// The index of a layer's policies.
#[derive(Debug, Default)]
pub(super) struct LayerIndex {
    pub(super) index: Index,
    /// Policies in shadow, by position.
    pub(super) shadow: Vec<u32>,
}

impl LayerIndex {
    /// Indexes the policies of a layer.
    ///
    /// # Errors
    ///
    /// Policies with an unknown `@mode`, by id, and the message about it.
    pub(super) fn of(policies: &Policies) -> Result<Self, Vec<(String, String)>> {
        let (mut index, mut shadow) = (Index::with_capacity(policies.len()), Vec::new());
        let mut unknown = Vec::new();
        // There is no memory to hold 2^32 policies.
        for (position, policy) in (0..=u32::MAX).zip(policies.iter()) {
            match mode(index.add(policy).as_deref()) {
                Ok(Mode::Shadow) => shadow.push(position),
                Ok(Mode::Enforce) => {}
                Err(message) => unknown.push((policy.id.to_owned(), message)),
            }
        }
        if unknown.is_empty() { Ok(Self { index, shadow }) } else { Err(unknown) }
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
