//! Which things were seen, in a table of a fixed size.

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::{Millis, Name};

/// How many things are told apart. A call with the same arguments is counted exactly while a window has
/// at most this many different calls.
const MOST: usize = 64;

/// Things and when they were seen. A thing that finds no place takes that of the one that was seen
/// least, and any thing without a place may have been seen as often as that one: a count is never too
/// low.
///
/// This is the Space-Saving algorithm (Metwally, Agrawal, El Abbadi, 2005), with times.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Seen {
    things: Vec<(Name, Log)>,
    displaced: Option<Displaced>,
}

/// The things that lost their place.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Displaced {
    /// When each lost its place, at the time when it was last seen.
    log: Log,
    /// How often one of them was seen at most.
    most: u64,
}

impl Seen {
    /// Adds a thing.
    pub(super) fn add(&mut self, thing: Name, at: Millis) {
        if let Some((_, log)) = self.things.iter_mut().find(|(known, _)| *known == thing) {
            return log.push(at, 0);
        }
        if self.things.len() >= MOST {
            self.displace();
        }
        // It may be one that lost its place.
        let mut log = match &self.displaced {
            Some(displaced) => Log::of(displaced.log.last().unwrap_or(at), displaced.most),
            None => Log::default(),
        };
        log.push(at, 0);
        self.things.push((thing, log));
    }

    /// Takes back that a thing was seen at this time.
    pub(super) fn take_back(&mut self, thing: Name, at: Millis) {
        if let Some((_, log)) = self.things.iter_mut().find(|(known, _)| *known == thing) {
            log.take_back(at, 0);
        }
        self.things.retain(|(_, log)| !log.is_empty());
    }

    /// How often a thing was seen after `since`.
    pub(super) fn times(&self, thing: Name, since: Option<Millis>) -> u64 {
        if let Some((_, log)) = self.things.iter().find(|(known, _)| *known == thing) {
            return log.after(since).count;
        }
        let displaced = self.displaced.as_ref().filter(|it| it.log.after(since).count > 0);
        displaced.map_or(0, |displaced| displaced.most)
    }

    /// How many things were seen after `since`.
    pub(super) fn distinct(&self, since: Option<Millis>) -> u64 {
        let known = self.things.iter().filter(|(_, log)| log.after(since).count > 0).count();
        let displaced = self.displaced.as_ref().map_or(0, |it| it.log.after(since).count);
        u64::try_from(known).unwrap_or(u64::MAX).saturating_add(displaced)
    }

    /// Forgets what was seen up to `until`.
    pub(super) fn forget(&mut self, until: Option<Millis>) {
        self.things.iter_mut().for_each(|(_, log)| log.forget(until));
        self.things.retain(|(_, log)| !log.is_empty());
        if let Some(displaced) = &mut self.displaced {
            displaced.log.forget(until);
        }
        self.displaced.take_if(|displaced| displaced.log.is_empty());
    }

    /// Takes less space. Returns whether it could.
    pub(super) fn shrink(&mut self) -> bool {
        let displaced = self.displaced.as_mut().map(|it| &mut it.log);
        let mut has_shrunk = false;
        for log in self.things.iter_mut().map(|(_, log)| log).chain(displaced) {
            has_shrunk |= log.shrink();
        }
        has_shrunk
    }

    fn displace(&mut self) {
        let count = |log: &Log| log.after(None).count;
        let things = self.things.iter().enumerate();
        let least = things.min_by_key(|(_, (_, log))| (count(log), log.last()));
        let Some(place) = least.map(|(place, _)| place) else { return };
        let (_, log) = self.things.remove(place);
        let displaced = self.displaced.get_or_insert_default();
        displaced.most = displaced.most.max(count(&log));
        displaced.log.push(log.last().unwrap_or_default(), 0);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Neither count is ever too low, and both are exact while there is place.
        #[test]
        fn counts_are_never_too_low(
            seen in prop::collection::vec((0_u64..150, 0_u64..4), 1..400),
            kinds in 1_u64..150,
            back in 0_u64..900,
        ) {
            let (mut table, mut all, mut now) = (Seen::default(), Vec::new(), 0);
            for (thing, gap) in seen {
                now += gap;
                table.add(Name(thing % kinds), now);
                all.push((thing % kinds, now));
            }
            let since = now.checked_sub(back);
            let recent = || all.iter().filter(|(_, at)| since.is_none_or(|since| *at > since));
            let has_place = kinds <= MOST as u64;
            for thing in 0..kinds {
                let exact = recent().filter(|(known, _)| *known == thing).count() as u64;
                let counted = table.times(Name(thing), since);
                prop_assert!(counted >= exact, "{thing}: {counted} of {exact}");
                if has_place && exact <= 7 {
                    prop_assert_eq!(counted, exact);
                }
            }
            let exact = recent().map(|(thing, _)| thing).collect::<BTreeSet<_>>().len() as u64;
            let counted = table.distinct(since);
            prop_assert!(counted >= exact, "{counted} of {exact}");
            if has_place {
                prop_assert_eq!(counted, exact);
            }
        }
    }
}
