//! The results that an expression can have while parts of a call are unknown.

/// The possible results of a condition. Every result that some call has is among them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Possible {
    /// It can be true.
    pub truth: bool,
    /// It can be false.
    pub falsehood: bool,
    /// Its evaluation can fail.
    pub error: bool,
}

impl Possible {
    /// Nothing is known.
    pub const ANY: Self = Self { truth: true, falsehood: true, error: true };
    /// It is true or false, and does not fail.
    pub const EITHER: Self = Self { truth: true, falsehood: true, error: false };
    /// It is true.
    pub const TRUE: Self = Self { truth: true, falsehood: false, error: false };
    /// It is false.
    pub const FALSE: Self = Self { truth: false, falsehood: true, error: false };
    /// Its evaluation fails.
    pub const ERROR: Self = Self { truth: false, falsehood: false, error: true };

    /// The only result; `None` is an error.
    pub fn only(result: Option<bool>) -> Self {
        match result {
            Some(true) => Self::TRUE,
            Some(false) => Self::FALSE,
            None => Self::ERROR,
        }
    }

    /// Whether it fails in every call.
    pub fn always_fails(self) -> bool {
        self == Self::ERROR
    }

    /// Whether it is false in no call.
    pub fn is_never_false(self) -> bool {
        !self.falsehood
    }

    /// The results of `!`.
    pub(super) fn negated(self) -> Self {
        Self { truth: self.falsehood, falsehood: self.truth, ..self }
    }

    /// The results of `&&`. Cedar evaluates the right operand only if the left one is true.
    pub(crate) fn and(self, right: impl FnOnce() -> Self) -> Self {
        self.choose(right, || Self::FALSE)
    }

    /// The results of `||`.
    pub(super) fn or(self, right: impl FnOnce() -> Self) -> Self {
        self.choose(|| Self::TRUE, right)
    }

    /// The results of `if`, of which this is the test.
    pub(super) fn choose(
        self,
        then: impl FnOnce() -> Self,
        otherwise: impl FnOnce() -> Self,
    ) -> Self {
        let then = if self.truth { then() } else { Self::default() };
        let other = if self.falsehood { otherwise() } else { Self::default() };
        Self {
            truth: then.truth || other.truth,
            falsehood: then.falsehood || other.falsehood,
            error: self.error || then.error || other.error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Possible; 8] = {
        let mut all = [Possible::ANY; 8];
        let mut bits = 0;
        while bits < 8 {
            all[bits] =
                Possible { truth: bits & 1 != 0, falsehood: bits & 2 != 0, error: bits & 4 != 0 };
            bits += 1;
        }
        all
    };

    fn results(of: Possible) -> Vec<Option<bool>> {
        let all = [(of.truth, Some(true)), (of.falsehood, Some(false)), (of.error, None)];
        all.into_iter().filter(|(is_possible, _)| *is_possible).map(|(_, result)| result).collect()
    }

    fn all(results: impl Iterator<Item = Option<bool>>) -> Possible {
        results.map(Possible::only).fold(Possible::default(), |all, one| Possible {
            truth: all.truth || one.truth,
            falsehood: all.falsehood || one.falsehood,
            error: all.error || one.error,
        })
    }

    /// Cedar's `if` over all combinations of results.
    fn chosen(test: Possible, then: Possible, other: Possible) -> Possible {
        let (then, other) = (results(then), results(other));
        all(results(test).into_iter().flat_map(|test| match test {
            Some(true) => then.clone(),
            Some(false) => other.clone(),
            None => vec![None],
        }))
    }

    #[test]
    fn operators_have_the_results_of_all_combinations() {
        for left in ALL {
            assert_eq!(left.negated(), chosen(left, Possible::FALSE, Possible::TRUE));
            for right in ALL {
                assert_eq!(left.and(|| right), chosen(left, right, Possible::FALSE));
                assert_eq!(left.or(|| right), chosen(left, Possible::TRUE, right));
                for other in ALL {
                    assert_eq!(left.choose(|| right, || other), chosen(left, right, other));
                }
            }
        }
    }
}
