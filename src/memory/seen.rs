//! Which things were seen, in a table of a fixed size.

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::{Millis, Name};

/// How many things are told apart.
const MOST: usize = 64;

/// Things and when they were seen. A thing that finds no place takes that of the one that was seen
/// least.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Seen {
    things: Vec<(Name, Log)>,
    /// When each thing that lost its place was last seen.
    displaced: Log,
}

impl Seen {
    /// Adds a thing. Returns the one that loses its place for it, if there is one.
    pub(super) fn add(&mut self, thing: Name, at: Millis) -> Option<(Name, Log)> {
        if let Some(log) = self.log(thing) {
            log.push(at, 0);
            return None;
        }
        let displaced = if self.things.len() >= MOST { self.displace() } else { None };
        self.things.push((thing, Log::joined(at, 0, 1, 0)));
        displaced
    }

    /// Takes back that a thing was seen at this time. Returns whether it has a place.
    pub(super) fn take_back(&mut self, thing: Name, at: Millis) -> bool {
        let Some(log) = self.log(thing) else { return false };
        log.take_back(at, 0);
        self.things.retain(|(_, log)| !log.is_empty());
        true
    }

    /// How often a thing was seen after `since`, while it had its place.
    pub(super) fn times(&self, thing: Name, since: Option<Millis>) -> u64 {
        let mut things = self.things.iter();
        things.find(|(known, _)| *known == thing).map_or(0, |(_, log)| log.after(since).count)
    }

    /// How many things were seen after `since`, at most: one that lost its place may have another.
    pub(super) fn distinct(&self, since: Option<Millis>) -> u64 {
        let known = self.things.iter().filter(|(_, log)| log.after(since).count > 0).count();
        let displaced = self.displaced.after(since).count;
        u64::try_from(known).unwrap_or(u64::MAX).saturating_add(displaced)
    }

    /// Forgets what was seen up to `until`.
    pub(super) fn forget(&mut self, until: Option<Millis>) {
        self.things.iter_mut().for_each(|(_, log)| log.forget(until));
        self.things.retain(|(_, log)| !log.is_empty());
        self.displaced.forget(until);
    }

    /// Joins times. Returns whether it could.
    pub(super) fn shrink_logs(&mut self) -> bool {
        let mut has_shrunk = self.displaced.shrink();
        for (_, log) in &mut self.things {
            has_shrunk |= log.shrink();
        }
        has_shrunk
    }

    /// Makes it as large as it can be when nothing has a place.
    pub(super) fn fill(&mut self, log: &Log) {
        self.displaced = log.clone();
    }

    /// Half of the things lose their places, and are returned.
    pub(super) fn halve(&mut self) -> Vec<(Name, Log)> {
        let half = self.things.len().div_ceil(2);
        (0..half).filter_map(|_| self.displace()).collect()
    }

    /// The thing that was seen least loses its place.
    fn displace(&mut self) -> Option<(Name, Log)> {
        let things = self.things.iter().enumerate();
        let least = things.min_by_key(|(_, (_, log))| (log.after(None).count, log.last()));
        let place = least.map(|(place, _)| place)?;
        let (thing, log) = self.things.remove(place);
        self.displaced.push(log.last().unwrap_or_default(), 0);
        Some((thing, log))
    }

    fn log(&mut self, thing: Name) -> Option<&mut Log> {
        let mut things = self.things.iter_mut();
        things.find(|(known, _)| *known == thing).map(|(_, log)| log)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The count is never too low, however small the table has become, and exact while there is
        /// place.
        #[test]
        fn no_thing_is_left_out(
            seen in prop::collection::vec((0_u64..150, 0_u64..4), 1..400),
            kinds in 1_u64..150,
            back in 0_u64..900,
            halved in 0_u64..4,
        ) {
            let (mut table, mut all, mut now) = (Seen::default(), BTreeSet::new(), 0);
            let since = seen.iter().map(|(_, gap)| gap).sum::<u64>().checked_sub(back);
            for (thing, gap) in seen {
                now += gap;
                table.add(Name(thing % kinds), now);
                if since.is_none_or(|since| now > since) {
                    all.insert(thing % kinds);
                }
            }
            (0..halved).for_each(|_| drop(table.halve()));
            let (counted, exact) = (table.distinct(since), all.len() as u64);
            prop_assert!(counted >= exact, "{counted} of {exact}");
            if kinds <= MOST as u64 && halved == 0 {
                prop_assert_eq!(counted, exact);
            }
        }
    }
}
