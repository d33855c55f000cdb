//! The minimum coverage of a bundle by its own test cases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The `coverage` section: the minimum coverage by cases for each class of tools.
pub type Minimums = BTreeMap<String, Percent>;

/// A percentage from 1 to 100.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Percent(u8);

impl Percent {
    /// Whether `some` out of `all` reaches this percentage.
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
