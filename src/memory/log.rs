//! When something happened, in little space.

use serde::{Deserialize, Serialize};

use super::Millis;

/// How many groups of about the same size stay apart. A count of at most one less than this is exact,
/// and a higher one is too high by at most one part in one less than this.
const APART: usize = 8;

/// Events with amounts. Older events stand in groups that double in size, and a group counts until its
/// last event is out of a window: a count is never too low.
///
/// This is an exponential histogram (Datar, Gionis, Indyk, Motwani, 2002) that errs upwards.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Log(Vec<Group>);

/// Events that are neighbours.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Packed", into = "Packed")]
struct Group {
    last: Millis,
    /// The time between the first and the last.
    span: Millis,
    count: u64,
    sum: i64,
}

/// The stored form of a group. Most are one event without an amount.
#[derive(Deserialize, Serialize)]
enum Packed {
    One(Millis),
    Many { last: Millis, span: Millis, count: u64, sum: i64 },
}

/// The events of a log in a window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    /// How many there are.
    pub(super) count: u64,
    /// The sum of their amounts.
    pub(super) sum: i64,
    /// When the first and the last of them happened.
    pub(super) span: Option<(Millis, Millis)>,
}

impl Log {
    /// A log of events that are neighbours, with the time of the last and the time since the first.
    pub(super) fn joined(last: Millis, span: Millis, count: u64, sum: i64) -> Self {
        Self(vec![Group { last, span, count, sum }])
    }

    /// Adds an event.
    pub(super) fn push(&mut self, at: Millis, amount: i64) {
        // Workers have one clock, but they do not write in the order in which they read it.
        let place = self.0.partition_point(|group| group.last <= at);
        self.0.insert(place, Group { last: at, span: 0, count: 1, sum: amount });
        self.condense(APART);
    }

    /// Adds the events of another log.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
        self.0.sort_by_key(|group| group.last);
        while self.condense(APART) {}
    }

    /// Takes back an event of this time, if its amount is still there.
    pub(super) fn take_back(&mut self, at: Millis, amount: i64) {
        let alone = |group: &Group| group.count == 1 && group.last == at && group.sum == amount;
        let joined = |group: &Group| group.count > 1 && group.first() <= at && at <= group.last;
        let place = self.0.iter().position(alone).or_else(|| self.0.iter().position(joined));
        let Some(group) = place.and_then(|place| self.0.get_mut(place)) else { return };
        group.count = group.count.saturating_sub(1);
        group.sum = group.sum.saturating_sub(amount);
        self.0.retain(|group| group.count > 0);
    }

    /// The events after `since`.
    pub(super) fn after(&self, since: Option<Millis>) -> Tally {
        let is_in = |group: &&Group| since.is_none_or(|since| group.last > since);
        let mut tally = Tally::default();
        for group in self.0.iter().filter(is_in) {
            tally.count = tally.count.saturating_add(group.count);
            tally.sum = tally.sum.saturating_add(group.sum);
            let first = since.map_or(group.first(), |since| group.first().max(since));
            tally.span = Some((tally.span.map_or(first, |(first, _)| first), group.last));
        }
        tally
    }

    /// When the sum after `since`, which moves with the time, is at most `most`; `None` if it is so
    /// now.
    pub(super) fn falls_to(&self, since: Option<Millis>, most: i64) -> Option<Millis> {
        let mut sum = self.after(since).sum;
        let mut groups = self.0.iter().filter(|group| since.is_none_or(|since| group.last > since));
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
        if let Some(until) = until {
            self.0.retain(|group| group.last > until);
        }
    }

    /// When the last event happened.
    pub(super) fn last(&self) -> Option<Millis> {
        self.0.last().map(|group| group.last)
    }

    /// Whether there is no event.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Joins older groups, so that it takes less space. Returns whether it could.
    pub(super) fn shrink(&mut self) -> bool {
        if (0..APART).rev().any(|apart| self.condense(apart)) {
            return true;
        }
        // What is left are groups of different sizes.
        let is_several = self.0.len() > 1;
        self.join(0);
        is_several
    }

    /// Joins the two oldest of more than `apart` groups of one size, beginning with the smallest.
    /// Returns whether there are any.
    fn condense(&mut self, apart: usize) -> bool {
        let (before, mut size) = (self.0.len(), 0);
        let reaches =
            |group: &Group, size| group.count.checked_ilog2().is_some_and(|it| it >= size);
        while self.0.iter().any(|group| reaches(group, size)) {
            let of_size = |group: &Group| group.count.checked_ilog2() == Some(size);
            let mut places = self.0.iter().enumerate().filter(|(_, group)| of_size(group));
            let oldest = places.next().map(|(place, _)| place);
            let others = places.count();
            match oldest {
                Some(place) if others > 0 && others >= apart => self.join(place),
                Some(_) | None => {}
            }
            size = size.saturating_add(1);
        }
        self.0.len() < before
    }

    /// Joins a group and the next one.
    fn join(&mut self, place: usize) {
        let next = place.saturating_add(1);
        if next >= self.0.len() {
            return;
        }
        let later = self.0.remove(next);
        if let Some(group) = self.0.get_mut(place) {
            let first = group.first().min(later.first());
            group.last = group.last.max(later.last);
            group.span = group.last.saturating_sub(first);
            group.count = group.count.saturating_add(later.count);
            group.sum = group.sum.saturating_add(later.sum);
        }
    }
}

impl Group {
    fn first(&self) -> Millis {
        self.last.saturating_sub(self.span)
    }
}

impl From<Packed> for Group {
    fn from(packed: Packed) -> Self {
        match packed {
            Packed::One(last) => Self { last, span: 0, count: 1, sum: 0 },
            Packed::Many { last, span, count, sum } => Self { last, span, count, sum },
        }
    }
}

impl From<Group> for Packed {
    fn from(Group { last, span, count, sum }: Group) -> Self {
        match (span, count, sum) {
            (0, 1, 0) => Self::One(last),
            (_, _, _) => Self::Many { last, span, count, sum },
        }
    }
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
            prop_assert!(log.0.len() <= 9 * 8, "{}", log.0.len());
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
            prop_assert_eq!(log.0.len(), 1);
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
