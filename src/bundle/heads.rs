//! What must be known of a layer's policies when it is loaded: for which calls they are, and which
//! of them are in shadow.

use super::{Mode, Policies};
use crate::budget::Budget;
use crate::policy::{Head, Index};

/// The heads of a layer's policies, as far as they are read.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// How many are read.
    read: usize,
    /// Where calls find them.
    pub(super) index: Index,
    /// Those in shadow, by their position.
    pub(super) shadow: Vec<u32>,
    /// Those with a mode that there is not, and what is wrong with it.
    pub(super) odd: Vec<(String, String)>,
}

impl Heads {
    /// None yet, and room for those of these policies.
    pub(super) fn of(policies: &Policies) -> Self {
        Self { index: Index::with_capacity(policies.len()), ..Self::default() }
    }

    /// Reads further ones of the same policies, and tells whether all are read.
    pub(super) fn read(&mut self, policies: &Policies, budget: &mut Budget) -> bool {
        while let Some(policy) = policies.get(self.read) {
            if budget.is_spent() {
                return false;
            }
            budget.spend(policy.source.len());
            let head = Head::of(policy);
            // There is no memory to hold 2^32 policies.
            let position = u32::try_from(self.read).unwrap_or(u32::MAX);
            self.index.insert(&head.scope, position);
            match mode(head.mode.as_deref()) {
                Ok(Mode::Shadow) => self.shadow.push(position),
                Ok(Mode::Enforce) => {}
                Err(message) => self.odd.push((policy.id.to_owned(), message)),
            }
            self.read = self.read.saturating_add(1);
        }
        true
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
