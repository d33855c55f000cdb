//! The limit of values that the arguments of one call may become.

/// This many bytes of text count as one more value.
const TEXT: usize = 256;

/// The remaining values for the arguments of one call.
///
/// A type such as a union can turn one JSON value into several values, each of which takes more
/// memory than its text. Work whose result is discarded counts too, so this also bounds time.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Allowance {
    pub(super) fn of(values: usize) -> Self {
        Self(values)
    }

    /// Takes one value with this many bytes of text; `None` if too few values are left.
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
