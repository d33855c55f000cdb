//! Counts the runs and their results.

use std::collections::BTreeMap;
use std::fmt;

use crate::exclusion::Exclusion;

/// The maximum number of differences shown.
const SHOWN: usize = 20;

/// The results of one corpus.
#[derive(Default)]
pub(crate) struct Tally {
    /// Counters in the order of their first use.
    counts: Vec<(&'static str, u64)>,
    /// The number of runs that agreed and that differed, by how they were run.
    runs: BTreeMap<&'static str, [u64; 2]>,
    /// The number of inputs not run, or not in full, by rule.
    excluded: BTreeMap<Exclusion, u64>,
    /// The number of valid documents that were rejected, by rule.
    strict: BTreeMap<&'static str, u64>,
    differences: Vec<String>,
}

impl Tally {
    /// Counts a run with the expected result.
    pub(crate) fn agreed(&mut self, how: &'static str) {
        self.runs.entry(how).or_default()[0] += 1;
    }

    /// Counts a run with another result.
    pub(crate) fn differed(&mut self, how: &'static str, difference: String) {
        self.runs.entry(how).or_default()[1] += 1;
        self.differences.push(difference);
    }

    /// Counts inputs excluded by a rule.
    pub(crate) fn exclude(&mut self, rule: Exclusion, count: usize) {
        *self.excluded.entry(rule).or_default() += number(count);
    }

    /// Counts a rejected document that could have been accepted.
    pub(crate) fn strict(&mut self, rule: &'static str) {
        *self.strict.entry(rule).or_default() += 1;
    }

    /// Increases a counter.
    pub(crate) fn count(&mut self, what: &'static str, count: usize) {
        self.add_count(what, number(count));
    }

    /// The number of runs that differed.
    pub(crate) fn differences(&self) -> u64 {
        self.runs.values().map(|[_, differed]| differed).sum()
    }

    /// The number of runs.
    pub(crate) fn total(&self) -> u64 {
        self.runs.values().flatten().sum()
    }

    /// Adds the results of another part of the same corpus.
    pub(crate) fn add(&mut self, other: Self) {
        for (how, [agreed, differed]) in other.runs {
            let run = self.runs.entry(how).or_default();
            run[0] += agreed;
            run[1] += differed;
        }
        other
            .excluded
            .into_iter()
            .for_each(|(rule, n)| *self.excluded.entry(rule).or_default() += n);
        other.strict.into_iter().for_each(|(rule, n)| *self.strict.entry(rule).or_default() += n);
        other.counts.into_iter().for_each(|(what, n)| self.add_count(what, n));
        self.differences.extend(other.differences);
        self.differences.sort_unstable();
    }

    fn add_count(&mut self, what: &'static str, count: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, sum)) => *sum += count,
            None => self.counts.push((what, count)),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.counts {
            writeln!(f, "  {count:>9} {what}")?;
        }
        for (how, [agreed, differed]) in &self.runs {
            writeln!(f, "  {agreed:>9} agreed, {differed} differed: {how}")?;
        }
        for (rule, count) in &self.excluded {
            writeln!(f, "  {count:>9} {}", rule.as_str())?;
        }
        for (rule, count) in &self.strict {
            writeln!(f, "  {count:>9} refused by rule: {rule}")?;
        }
        for difference in self.differences.iter().take(SHOWN) {
            writeln!(f, "  DIFFERS {}", difference.replace('\n', "\n    "))?;
        }
        match self.differences.len().checked_sub(SHOWN) {
            None | Some(0) => Ok(()),
            Some(more) => writeln!(f, "  and {more} more"),
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
