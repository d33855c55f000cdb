//! How many values the arguments of one call may become.

/// So many bytes of text count as one more value.
const TEXT: usize = 256;

/// What is left of the values that one call may have.
///
/// A type such as a union makes several values of one value of the caller's, each of which takes
/// more memory than its text did. Work that comes to nothing counts too, so this bounds time as well.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Allowance {
    pub(super) fn of(values: usize) -> Self {
        Self(values)
    }

    /// Takes one value with so many bytes of text; `None` if there are not enough.
    pub(super) fn take(&mut self, bytes: usize) -> Option<()> {
        let values = bytes.checked_div(TEXT)?.checked_add(1)?;
        self.0 = self.0.checked_sub(values)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_their_texts_are_counted() {
        let mut allowance = Allowance::of(4);
        assert!(allowance.take(TEXT - 1).is_some());
        assert!(allowance.take(TEXT).is_some());
        assert!(allowance.take(TEXT).is_none());
        assert!(allowance.take(0).is_some());
        assert!(allowance.take(0).is_none());
        assert!(Allowance::of(usize::MAX).take(usize::MAX).is_some());
    }
}
