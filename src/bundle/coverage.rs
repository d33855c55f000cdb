//! How much of a bundle its own cases must reach.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The `coverage` section: for a class of tools, how much of it the cases must reach.
pub type Minimums = BTreeMap<String, Percent>;

/// A percentage from 1 to 100.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Percent(u8);

impl Percent {
    /// Whether so many of so many are enough.
    pub fn is_met_by(self, some: usize, all: usize) -> bool {
        some.saturating_mul(100) >= all.saturating_mul(usize::from(self.0))
    }
}

impl TryFrom<u64> for Percent {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        let percent = u8::try_from(number).ok().filter(|percent| (1..=100).contains(percent));
        percent.map(Self).ok_or_else(|| format!("`{number}` is not a percentage from 1 to 100"))
    }
}

impl From<Percent> for u64 {
    fn from(percent: Percent) -> Self {
        percent.0.into()
    }
}

impl std::str::FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: Option<u64> = text.parse().ok();
        number.map_or_else(|| Err("write a percentage from 1 to 100".to_owned()), Self::try_from)
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
