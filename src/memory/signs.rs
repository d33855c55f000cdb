//! Signs that an agent is running away.

use serde::{Deserialize, Serialize};

/// The names of the signs, as policies and records have them.
pub(super) const NAMES: [&str; 3] = ["identical", "refusals", "rate"];

/// Which signs there are, a bit for each.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Signs(u8);

/// A sign that begins or ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Anomaly {
    /// `identical`, `refusals` or `rate`.
    pub sign: &'static str,
    /// Whether it begins.
    pub begins: bool,
}

impl Signs {
    pub(super) fn of(present: [bool; 3]) -> Self {
        let bits = present.iter().zip([1, 2, 4]).filter(|(is_there, _)| **is_there);
        Self(bits.map(|(_, bit)| bit).sum())
    }

    pub(super) fn present(self) -> [bool; 3] {
        [1, 2, 4].map(|bit| self.0 & bit != 0)
    }

    /// The signs of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
