//! How much may be done before something else has its turn.

/// So much work, in bytes of text that are worked on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Budget(usize);

impl Budget {
    /// As much as there is to do.
    pub(crate) const fn unlimited() -> Self {
        Self(usize::MAX)
    }

    /// Work on so many bytes, and on what is begun with the last of them.
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Whether nothing more may be begun.
    pub(crate) fn is_spent(self) -> bool {
        self.0 == 0
    }

    /// So many bytes were worked on.
    pub(crate) fn spend(&mut self, bytes: usize) {
        if *self != Self::unlimited() {
            self.0 = self.0.saturating_sub(bytes.max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_unless_it_is_unlimited() {
        let mut budget = Budget::of_bytes(10);
        budget.spend(9);
        assert!(!budget.is_spent());
        budget.spend(0);
        assert!(budget.is_spent(), "whatever is done takes something");
        let mut unlimited = Budget::unlimited();
        unlimited.spend(usize::MAX);
        assert_eq!(unlimited, Budget::unlimited());
    }
}
