//! The functions and branches that calls execute, as text.

use std::fmt::{self, Display};
use std::str::FromStr;

use crate::{Error, Module, Sightings};

/// The percentage of the calls at a branch that must go the same way for a hint.
const MOST: u32 = 75;
/// The percentage of calls that must execute a function for the profile to contain it. Production
/// calls differ from the profiled ones: a function that a few of these need may be needed by most
/// of the others.
const MANY: u32 = 20;
/// The minimum number of calls, since a single call may not be representative.
const ENOUGH: u32 = 20;

/// The functions that calls execute, the most frequent ones first.
///
/// In text form a function is a line: its number of operators, a character for each of its branches
/// (see [`Way`]; `.` if it has none), and its name.
#[derive(Debug, Default, PartialEq)]
pub struct Profile {
    pub(crate) functions: Vec<Known>,
}

/// A function that calls execute.
#[derive(Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) operators: usize,
    pub(crate) ways: Vec<Way>,
    pub(crate) name: String,
}

/// Which way calls go at a branch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Way {
    /// No call reached it: `-`.
    Unmet,
    /// Most do not take it: `0`.
    On,
    /// Most take it: `1`.
    Away,
    /// Either way: `*`.
    Both,
}

const WAYS: [(char, Way); 4] =
    [('-', Way::Unmet), ('0', Way::On), ('1', Way::Away), ('*', Way::Both)];
const NO_BRANCHES: &str = ".";

impl Profile {
    /// Builds a profile from sightings.
    ///
    /// # Errors
    ///
    /// Too few calls were seen.
    pub fn learn(module: &Module<'_>, sightings: &Sightings) -> Result<Self, Error> {
        if sightings.calls() < ENOUGH {
            return Err(Error::FewCalls(sightings.calls()));
        }
        let mut seen: Vec<_> = module
            .functions
            .iter()
            .zip(sightings.functions())
            .filter(|(function, seen)| {
                seen.calls * 100 > sightings.calls() * MANY && !function.name.is_empty()
            })
            .collect();
        seen.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.calls));
        let functions = seen.into_iter().map(|(function, seen)| Known {
            operators: function.operators,
            ways: seen.branches.iter().map(|&[on, away]| Way::of(on, away)).collect(),
            name: function.name.clone(),
        });
        Ok(Self { functions: functions.collect() })
    }
}

impl Way {
    fn of(on: u32, away: u32) -> Self {
        let share = |part: u32| part * 100 / (on + away);
        match (on, away) {
            (0, 0) => Self::Unmet,
            _ if share(on) >= MOST => Self::On,
            _ if share(away) >= MOST => Self::Away,
            _ => Self::Both,
        }
    }

    fn as_char(self) -> char {
        WAYS.iter().find(|(_, way)| *way == self).map_or('*', |(letter, _)| *letter)
    }
}

impl Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for function in &self.functions {
            let ways: String = function.ways.iter().map(|way| way.as_char()).collect();
            let ways = if ways.is_empty() { NO_BRANCHES } else { &ways };
            writeln!(out, "{} {ways} {}", function.operators, function.name)?;
        }
        Ok(())
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lines = text.lines().zip(1..).map(|(text, line)| {
            known(text).ok_or_else(|| Error::Line { line, text: text.to_owned() })
        });
        Ok(Self { functions: lines.collect::<Result<_, _>>()? })
    }
}

fn known(line: &str) -> Option<Known> {
    let (operators, rest) = line.split_once(' ')?;
    let (ways, name) = rest.split_once(' ').filter(|(_, name)| !name.is_empty())?;
    let ways = if ways == NO_BRANCHES { "" } else { ways };
    let way = |letter| WAYS.iter().find(|(known, _)| *known == letter).map(|(_, way)| *way);
    Some(Known {
        operators: operators.parse().ok()?,
        ways: ways.chars().map(way).collect::<Option<_>>()?,
        name: name.to_owned(),
    })
}
