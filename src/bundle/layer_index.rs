//! The index of a layer, built when the layer is loaded.

use super::{Mode, Policies};
use crate::policy::Index;

/// The index of a layer's policies.
#[derive(Debug, Default)]
pub(super) struct LayerIndex {
    pub(super) index: Index,
    /// The positions of shadow policies.
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
        // 2^32 policies do not fit in memory.
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

/// Parses the annotation `@mode`.
fn mode(mode: Option<&str>) -> Result<Mode, String> {
    match mode {
        None | Some("enforce") => Ok(Mode::Enforce),
        Some("shadow") => Ok(Mode::Shadow),
        Some(other) => Err(format!("`{other}` is not a mode: there are `enforce` and `shadow`")),
    }
}
