//! When something happened, in little space.

use serde::{Deserialize, Serialize};

use super::Millis;
use super::group::{Group, Packed, Tally, condense, join, pack, unpack};

/// How many groups of about the same size stay apart. A count of at most one less than this is exact,
/// and a higher one is too high by at most one part in one less than this.
const APART: usize = 8;

/// The most groups that are summed up when a log is read.
const MOST_NEWER: usize = 3 * APART;

/// Events with amounts. Older events stand in groups that double in size, and a group counts until its
/// last event is out of a window: a count is never too low.
///
/// This is an exponential histogram (Datar, Gionis, Indyk, Motwani, 2002) that errs upwards. Most calls
/// change none of its groups, so these stay packed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Log {
    older: Option<Packed>,
    /// The newest groups. There are none only if there is no event.
    #[serde(serialize_with = "pack", deserialize_with = "unpack")]
    newer: Option<Packed>,
}

impl Log {
    /// A log of events that are neighbours, with the time of the last and the time since the first.
    pub(super) fn joined(last: Millis, span: Millis, count: u64, sum: i64) -> Self {
        Self { older: None, newer: Packed::of(&[Group { last, span, count, sum }]) }
    }

    /// Adds an event.
    pub(super) fn push(&mut self, at: Millis, amount: i64) {
        let group = Group { last: at, span: 0, count: 1, sum: amount };
        match &mut self.newer {
            // Workers have one clock, but they do not write in the order in which they read it.
            Some(newer) if newer.last() <= at && newer.length() < MOST_NEWER => newer.push(&group),
            Some(_) | None => self.change(|groups| insert(groups, group)),
        }
    }

    /// Adds the events of another log.
    pub(super) fn absorb(&mut self, other: &Self) {
        let others = other.groups();
        self.change(|groups| {
            groups.extend(others);
            groups.sort_by_key(|group| group.last);
            while condense(groups, APART) {}
        });
    }

    /// Takes back an event of this time, if its amount is still there.
    pub(super) fn take_back(&mut self, at: Millis, amount: i64) {
        let alone = |group: &Group| group.count == 1 && group.last == at && group.sum == amount;
        let joined = |group: &Group| group.count > 1 && group.first() <= at && at <= group.last;
        self.change(|groups| {
            let place = groups.iter().position(alone).or_else(|| groups.iter().position(joined));
            let Some(group) = place.and_then(|place| groups.get_mut(place)) else { return };
            group.count = group.count.saturating_sub(1);
            group.sum = group.sum.saturating_sub(amount);
            groups.retain(|group| group.count > 0);
        });
    }

    /// The events after `since`.
    pub(super) fn after(&self, since: Option<Millis>) -> Tally {
        let after = |groups: &Packed| groups.after(since);
        self.parts().map(after).fold(Tally::default(), Tally::with)
    }

    /// When the sum after `since`, which moves with the time, is at most `most`; `None` if it is so
    /// now.
    pub(super) fn falls_to(&self, since: Option<Millis>, most: i64) -> Option<Millis> {
        let mut sum = self.after(since).sum;
        let groups = self.groups().into_iter();
        let mut groups = groups.filter(|group| since.is_none_or(|since| group.last > since));
        let mut leaves = None;
        while sum > most {
            let group = groups.next()?;
            sum = sum.saturating_sub(group.sum);
            leaves = Some(group.last);
        }
        leaves
    }

    /// Forgets the events up to `until`.
    pub(super) fn forget(&mut self, until: Option<Millis>) {
        let first = self.parts().next().map(Packed::oldest);
        if let (Some(first), Some(until)) = (first, until)
            && first <= until
        {
            self.change(|groups| groups.retain(|group| group.last > until));
        }
    }

    /// When the last event happened.
    pub(super) fn last(&self) -> Option<Millis> {
        self.newer.as_ref().map(Packed::last)
    }

    /// Whether there is no event.
    pub(super) fn is_empty(&self) -> bool {
        self.newer.is_none()
    }

    /// Joins older groups, so that it takes less space. Returns whether it could.
    pub(super) fn shrink(&mut self) -> bool {
        let mut are_several = false;
        self.change(|groups| {
            are_several = groups.len() > 1;
            if !(1..APART).rev().any(|apart| condense(groups, apart)) {
                // What is left are groups of different sizes.
                join(groups, 0);
            }
        });
        are_several
    }

    fn groups(&self) -> Vec<Group> {
        self.parts().flat_map(Packed::groups).collect()
    }

    fn parts(&self) -> impl Iterator<Item = &Packed> {
        self.older.iter().chain(&self.newer)
    }

    /// Changes any of the groups.
    fn change(&mut self, change: impl FnOnce(&mut Vec<Group>)) {
        let mut groups = self.groups();
        change(&mut groups);
        while groups.len() > MOST_NEWER && condense(&mut groups, APART) {}
        // What is known of fewer is not worth storing.
        let older = if groups.len() < MOST_NEWER { 0 } else { groups.len().saturating_sub(APART) };
        self.newer = Packed::of(&groups.split_off(older));
        self.older = Packed::of(&groups);
    }
}

fn insert(groups: &mut Vec<Group>, group: Group) {
    let place = groups.partition_point(|known| known.last <= group.last);
    groups.insert(place, group);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A window has at least its events, and at most one in seven too many; few events are exact.
        #[test]
        fn a_count_is_never_too_low(gaps in prop::collection::vec(0_u64..5, 1..600), back in 0_u64..2000) {
            let (mut log, mut times, mut now) = (Log::default(), Vec::new(), 0);
            for gap in gaps {
                now += gap;
                log.push(now, 3);
                times.push(now);
            }
            let since = now.checked_sub(back);
            let inside: Vec<u64> =
                times.iter().copied().filter(|at| since.is_none_or(|since| *at > since)).collect();
            let tally = log.after(since);
            let (count, exact) = (tally.count, inside.len() as u64);
            prop_assert!(count >= exact && count <= exact + exact / 7, "{count} of {exact}");
            prop_assert_eq!(tally.sum, 3 * i64::try_from(count).unwrap());
            if exact <= 7 {
                prop_assert_eq!(count, exact);
            }
            prop_assert_eq!(tally.span.map(|(_, last)| last), inside.last().copied());
            prop_assert!(log.groups().len() <= 9 * 8, "{}", log.groups().len());
        }

        /// What is taken back leaves no trace while it is the newest.
        #[test]
        fn the_newest_event_can_be_taken_back(times in prop::collection::vec(0_u64..50, 0..40), at in 50_u64..60) {
            let mut log = Log::default();
            let mut times = times;
            times.sort_unstable();
            for time in &times {
                log.push(*time, 1);
            }
            let before = log.after(None);
            log.push(at, 7);
            log.take_back(at, 7);
            prop_assert_eq!((log.after(None).count, log.after(None).sum), (before.count, before.sum));
        }

        /// A log that takes less space still counts everything.
        #[test]
        fn a_smaller_log_counts_no_less(count in 1_u64..300, back in 0_u64..300) {
            let mut log = Log::default();
            (0..count).for_each(|at| log.push(at, 1));
            let before = log.after(count.checked_sub(back)).count;
            while log.shrink() {
                prop_assert!(log.after(count.checked_sub(back)).count >= before);
            }
            prop_assert_eq!(log.groups().len(), 1);
            prop_assert_eq!(log.after(None).count, count);
        }
    }

    #[test]
    fn a_sum_falls_when_its_oldest_events_leave() {
        let mut log = Log::default();
        for at in [10, 20, 30] {
            log.push(at, 100);
        }
        let falls = [300, 299, 100, 0, -1].map(|most| log.falls_to(Some(5), most));
        assert_eq!(falls, [None, Some(10), Some(20), Some(30), None]);
    }
}
