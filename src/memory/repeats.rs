//! How often each of many things was seen, in little space.

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::seen::Seen;
use super::{Millis, Name};

/// How many cells there are at first: a power of two, so that each half has the cells of the other.
const CELLS: usize = 1024;

/// So few cells are kept as long as anything else can be given up.
const FEW: usize = 32;

/// How often each of many things was seen. The things of the table are told apart; what loses its place
/// there is counted in cells, in each of which several things may be. A count is never too low: it is
/// too high by what else is in the cell, which is forgotten when it is over.
///
/// The cells are a Count-Min sketch of one row (Cormode, Muthukrishnan, 2005), with times.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Repeats {
    table: Seen,
    /// None as long as nothing has lost its place.
    cells: Vec<Log>,
}

impl Repeats {
    /// Adds a thing.
    pub(super) fn add(&mut self, thing: Name, at: Millis) {
        let displaced = self.table.add(thing, at);
        if displaced.is_some() && self.cells.is_empty() {
            self.cells.resize(CELLS, Log::default());
        }
        self.keep(displaced);
    }

    /// Takes back that a thing was seen at this time.
    pub(super) fn take_back(&mut self, thing: Name, at: Millis) {
        if !self.table.take_back(thing, at)
            && let Some(cell) = self.cell(thing).and_then(|place| self.cells.get_mut(place))
        {
            cell.take_back(at, 0);
        }
    }

    /// How often a thing was seen after `since`.
    pub(super) fn times(&self, thing: Name, since: Option<Millis>) -> u64 {
        let cell = self.cell(thing).and_then(|place| self.cells.get(place));
        let displaced = cell.map_or(0, |cell| cell.after(since).count);
        self.table.times(thing, since).saturating_add(displaced)
    }

    /// Forgets what was seen up to `until`.
    pub(super) fn forget(&mut self, until: Option<Millis>) {
        self.table.forget(until);
        self.cells.iter_mut().for_each(|cell| cell.forget(until));
        if self.cells.iter().all(Log::is_empty) {
            self.cells.clear();
        }
    }

    /// Puts more things into each of many cells. Returns whether there are many.
    pub(super) fn join_cells(&mut self) -> bool {
        self.cells.len() > FEW && self.halve_cells()
    }

    /// Joins times. Returns whether it could.
    pub(super) fn shrink_logs(&mut self) -> bool {
        let mut has_shrunk = self.table.shrink_logs();
        for cell in &mut self.cells {
            has_shrunk |= cell.shrink();
        }
        has_shrunk
    }

    /// Tells fewer things apart. Returns whether it could.
    pub(super) fn shrink(&mut self) -> bool {
        let displaced = self.table.halve();
        if displaced.is_empty() {
            return self.halve_cells();
        }
        if self.cells.is_empty() {
            self.cells.push(Log::default());
        }
        self.keep(displaced);
        true
    }

    /// Makes it as large as it can be when nothing has a place.
    pub(super) fn fill(&mut self, log: &Log) {
        self.table.fill(log);
        self.cells = vec![log.clone()];
    }

    /// Adds things that lost their places to their cells.
    fn keep(&mut self, displaced: impl IntoIterator<Item = (Name, Log)>) {
        for (thing, log) in displaced {
            if let Some(cell) = self.cell(thing).and_then(|place| self.cells.get_mut(place)) {
                cell.absorb(&log);
            }
        }
    }

    fn halve_cells(&mut self) -> bool {
        let half = self.cells.len() / 2;
        if half == 0 {
            return false;
        }
        let other = self.cells.split_off(half);
        self.cells.iter_mut().zip(&other).for_each(|(cell, other)| cell.absorb(other));
        true
    }

    fn cell(&self, thing: Name) -> Option<usize> {
        let cells = u64::try_from(self.cells.len()).ok()?;
        usize::try_from(thing.0.checked_rem(cells)?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// No count is ever too low, whatever had to give way, and each is exact while there is place.
        #[test]
        fn a_count_is_never_too_low(
            seen in prop::collection::vec((0_u64..150, 0_u64..4), 1..400),
            kinds in 1_u64..150,
            back in 0_u64..900,
            shrunk in 0_usize..20,
        ) {
            let (mut table, mut all, mut now) = (Repeats::default(), Vec::new(), 0);
            for (thing, gap) in seen {
                now += gap;
                table.add(Name(thing % kinds), now);
                all.push((thing % kinds, now));
            }
            for _ in 0..shrunk {
                let _ = table.shrink_logs() || table.shrink();
            }
            let since = now.checked_sub(back);
            let recent = || all.iter().filter(|(_, at)| since.is_none_or(|since| *at > since));
            for thing in 0..kinds {
                let exact = recent().filter(|(known, _)| *known == thing).count() as u64;
                let counted = table.times(Name(thing), since);
                prop_assert!(counted >= exact, "{thing}: {counted} of {exact}");
                if kinds <= 64 && exact <= 7 && shrunk == 0 {
                    prop_assert_eq!(counted, exact);
                }
            }
        }
    }

    #[test]
    fn many_different_calls_are_not_taken_for_equal_ones() {
        let mut calls = Repeats::default();
        for call in 0_u64..2000 {
            let (now, name) = (call * 10_000, Name::of(&call));
            let since = now.checked_sub(3_600_000);
            let made = calls.times(name, since);
            assert!(made < 5, "{call}: {made}");
            calls.add(name, now);
            calls.forget(since);
        }
    }

    #[test]
    fn almost_nothing_is_left_at_last() {
        let mut calls = Repeats::default();
        (0_u64..1000).for_each(|call| calls.add(Name::of(&call), call));
        while calls.shrink_logs() || calls.shrink() {}
        assert_eq!((calls.cells.len(), calls.times(Name(1), None)), (1, 1000));
        let bytes = postcard::to_allocvec(&calls).unwrap();
        assert!(bytes.len() < 30, "{}", bytes.len());
    }
}
