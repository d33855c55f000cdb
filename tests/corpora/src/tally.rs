//! What was run, and with which result.

use std::collections::BTreeMap;
use std::fmt;

use crate::exclusion::Exclusion;

/// How many differences are shown.
const SHOWN: usize = 20;

/// What came of one corpus.
#[derive(Default)]
pub(crate) struct Tally {
    /// What was counted, in the order in which it came up.
    counts: Vec<(&'static str, u64)>,
    /// What was run, by how: agreed and differed.
    runs: BTreeMap<&'static str, [u64; 2]>,
    /// What was not run, or not in full, by the rule.
    excluded: BTreeMap<Exclusion, u64>,
    /// Documents that were refused although they are valid, by the rule.
    strict: BTreeMap<&'static str, u64>,
    differences: Vec<String>,
}

impl Tally {
    /// Something was run and was as it should be.
    pub(crate) fn agreed(&mut self, how: &'static str) {
        self.runs.entry(how).or_default()[0] += 1;
    }

    /// Something was run and was not as it should be.
    pub(crate) fn differed(&mut self, how: &'static str, difference: String) {
        self.runs.entry(how).or_default()[1] += 1;
        self.differences.push(difference);
    }

    /// So many were excluded by a rule.
    pub(crate) fn exclude(&mut self, rule: Exclusion, count: usize) {
        *self.excluded.entry(rule).or_default() += number(count);
    }

    /// A document was refused where it need not have been.
    pub(crate) fn strict(&mut self, rule: &'static str) {
        *self.strict.entry(rule).or_default() += 1;
    }

    /// Counts something.
    pub(crate) fn count(&mut self, what: &'static str, count: usize) {
        self.add_count(what, number(count));
    }

    /// How many were run and differed.
    pub(crate) fn differences(&self) -> u64 {
        self.runs.values().map(|[_, differed]| differed).sum()
    }

    /// How many were run.
    pub(crate) fn total(&self) -> u64 {
        self.runs.values().flatten().sum()
    }

    /// Adds what came of another part of the same corpus.
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
