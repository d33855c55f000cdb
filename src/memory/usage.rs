//! How much of a budget is used.

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::pace::Pace;
use super::reach::Reach;
use super::{Budget, Millis, Window};

/// What is used of a budget, by the kind of its window. It has what it takes to know how long it counts,
/// because another version of the bundle, with another window or without the budget, may ask.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Usage {
    /// Everything since the window began with its first use.
    Fixed {
        /// When the window began.
        began: Millis,
        /// When it ends.
        ends: Millis,
        /// The sum.
        used: i64,
    },
    /// The amounts by time, and how far back they count.
    Sliding(Log, Reach),
    /// A level that falls steadily.
    Bucket {
        /// The level at a time.
        level: i64,
        /// The time.
        at: Millis,
        /// How fast it falls.
        pace: Pace,
    },
}

impl Usage {
    /// Nothing is used.
    pub(super) fn new(budget: &Budget) -> Self {
        match budget.window {
            Window::Fixed => Self::Fixed { began: 0, ends: 0, used: 0 },
            Window::Sliding => Self::Sliding(Log::default(), Reach::default()),
            Window::TokenBucket => Self::Bucket { level: 0, at: 0, pace: Pace::of(budget) },
        }
    }

    /// The amount that is used now.
    pub(super) fn used(&self, budget: &Budget, now: Millis) -> i64 {
        match self {
            Self::Fixed { ends, used, .. } if now < *ends => *used,
            Self::Fixed { .. } => 0,
            Self::Sliding(log, _) => log.after(now.checked_sub(budget.millis())).sum,
            Self::Bucket { level, at, pace } => fallen(*level, *at, pace.or_of(budget, now), now).0,
        }
    }

    /// Adds an amount.
    pub(super) fn spend(&mut self, budget: &Budget, amount: i64, now: Millis) {
        match self {
            Self::Fixed { began, ends, used } => {
                if now >= *ends || *used == 0 {
                    (*began, *ends, *used) = (now, 0, 0);
                }
                *ends = (*ends).max(began.saturating_add(budget.millis()));
                *used = used.saturating_add(amount);
            }
            Self::Sliding(log, reach) => {
                reach.extend(budget.millis(), now);
                log.forget(reach.begins(now));
                log.push(now, amount);
            }
            Self::Bucket { level, at, pace } => {
                *pace = pace.or_of(budget, now);
                let (left, since) = fallen(*level, *at, *pace, now);
                // The time that a part of a unit has taken is short only at the budget's own pace.
                let since = if pace.is_of(budget) { since } else { now };
                (*level, *at) = (left.saturating_add(amount), since);
                *pace = pace.holding(budget, *level, *at);
            }
        }
    }

    /// Takes back an amount that was added at this time. Of a window that is over, nothing is taken
    /// back.
    pub(super) fn give_back(&mut self, budget: &Budget, amount: i64, spent: Millis, now: Millis) {
        match self {
            Self::Fixed { began, used, .. } => {
                if *began <= spent {
                    *used = used.saturating_sub(amount).max(0);
                }
            }
            Self::Sliding(log, _) => log.take_back(spent, amount),
            Self::Bucket { level, at, pace } => {
                let pace = pace.or_of(budget, now);
                let (left, since) = fallen(*level, *at, pace, now);
                // A part of it has fallen since.
                let kept = amount.saturating_sub(pace.falls(now.saturating_sub(spent)));
                (*level, *at) = (left.saturating_sub(kept.max(0)).max(0), since);
            }
        }
    }

    /// How long until this amount is within the limit; `None` if it never is.
    pub(super) fn wait(&self, budget: &Budget, amount: i64, now: Millis) -> Option<Millis> {
        let most = budget.limit.units().checked_sub(amount).filter(|most| *most >= 0)?;
        let used = self.used(budget, now);
        if used <= most {
            return Some(0);
        }
        Some(match self {
            Self::Fixed { ends, .. } => ends.saturating_sub(now),
            Self::Sliding(log, _) => {
                let leaves = log.falls_to(now.checked_sub(budget.millis()), most)?;
                leaves.saturating_add(budget.millis()).saturating_sub(now)
            }
            Self::Bucket { pace, .. } => {
                pace.or_of(budget, now).time_to_fall(used.saturating_sub(most))
            }
        })
    }

    /// When nothing is used any more, unless something is added.
    pub(super) fn until(&self) -> Millis {
        match self {
            Self::Fixed { ends, .. } => *ends,
            Self::Sliding(log, reach) => log.last().map_or(0, |last| reach.ends(last)),
            Self::Bucket { level, at, pace } => pace.ends(*level, *at),
        }
    }

    /// Takes less space. Returns whether it could.
    pub(super) fn shrink(&mut self) -> bool {
        if let Self::Sliding(log, _) = self { log.shrink() } else { false }
    }
}

/// The level of a bucket now, and the time from which it falls on: whole units fall, and the time that
/// a part of one has taken is not lost.
fn fallen(level: i64, at: Millis, pace: Pace, now: Millis) -> (i64, Millis) {
    let falls = pace.falls(now.saturating_sub(at));
    if falls >= level {
        return (0, now);
    }
    let at = at.saturating_add(pace.time_to_fall(falls)).min(now);
    (level.saturating_sub(falls), at)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

    use proptest::prelude::*;

    use super::*;
    use crate::memory::tests::budget;

    const KINDS: [Window; 3] = [Window::Fixed, Window::Sliding, Window::TokenBucket];

    proptest! {
        /// Whatever comes when: in no window is more spent than the limit, or twice the limit where
        /// windows meet and a bucket begins full; after the time to wait, the amount fits.
        #[test]
        fn no_window_has_more_than_its_limit(
            spends in prop::collection::vec((0_u64..40, 1_i64..60), 1..200),
            kind in 0_usize..3,
        ) {
            let (kind, limit) = (KINDS[kind], 100);
            let budget = budget(kind, 100, limit);
            let (mut usage, mut now, mut spent) = (Usage::new(&budget), 0, Vec::new());
            for (gap, amount) in spends {
                now += gap;
                let wait = usage.wait(&budget, amount, now).unwrap();
                let fits = usage.used(&budget, now) + amount <= limit;
                prop_assert_eq!(fits, wait == 0);
                let later = now + wait;
                prop_assert!(usage.used(&budget, later) + amount <= limit);
                prop_assert!(fits || usage.used(&budget, later - 1) + amount > limit);
                if fits {
                    usage.spend(&budget, amount, now);
                    spent.push((now, amount));
                }
                let window: i64 = spent.iter().filter(|(at, _)| at + 100 > now).map(|(_, it)| it).sum();
                let most = if kind == Window::Sliding { limit } else { 2 * limit };
                prop_assert!(window <= most, "{kind:?}: {window}");
            }
        }

        /// Whatever two versions of a bundle have for windows and limits, and in whichever order they
        /// spend: neither sees less than what it has spent itself, nor is that forgotten.
        #[test]
        fn no_version_forgets_what_another_one_counts(
            spends in prop::collection::vec((0_u64..200, 1_i64..60, 0_usize..2), 1..60),
            spans in (50_u64..500, 50_u64..500),
            limits in (20_i64..200, 20_i64..200),
            kind in 1_usize..3,
        ) {
            let kind = KINDS[kind];
            let versions = [budget(kind, spans.0, limits.0), budget(kind, spans.1, limits.1)];
            let mut both = Usage::new(&versions[0]);
            let (mut alone, mut spent) = (versions.each_ref().map(Usage::new), Vec::new());
            let mut now = 1000;
            for (gap, amount, version) in spends {
                now += gap;
                both.spend(&versions[version], amount, now);
                alone[version].spend(&versions[version], amount, now);
                spent.push((version, now, amount));
                for (place, budget) in versions.iter().enumerate() {
                    let since = now - budget.millis();
                    let own = spent.iter().filter(|(by, at, _)| *by == place && *at > since);
                    // A log alone may count more than there is; a bucket falls in whole units.
                    let least = match kind {
                        Window::Sliding => own.map(|(_, _, amount)| amount).sum(),
                        Window::Fixed | Window::TokenBucket => alone[place].used(budget, now) - 1,
                    };
                    let used = both.used(budget, now);
                    prop_assert!(used >= least, "{place}: {used} of {least}");
                    prop_assert!(least <= 0 || both.until() > now);
                }
            }
        }

        /// What is given back can be spent again, and no more than that.
        #[test]
        fn what_is_given_back_is_as_if_it_had_not_been_spent(
            spends in prop::collection::vec((0_u64..40, 1_i64..60), 0..40),
            amount in 1_i64..60,
            later in 0_u64..300,
            kind in 0_usize..3,
        ) {
            let kind = KINDS[kind];
            let budget = budget(kind, 100, 100_000);
            let (mut usage, mut now) = (Usage::new(&budget), 1);
            for (gap, amount) in spends {
                now += gap;
                usage.spend(&budget, amount, now);
            }
            let (mut without, mut with) = (usage.clone(), usage);
            without.spend(&budget, 0, now);
            with.spend(&budget, amount, now);
            with.give_back(&budget, amount, now, now + later);
            let (with, without) = (with.used(&budget, now + later), without.used(&budget, now + later));
            // A bucket falls in whole units.
            prop_assert!(with >= without && with <= without + 1, "{with} {without}");
        }
    }

    #[test]
    fn a_bucket_falls_however_often_it_is_used() {
        let budget = budget(Window::TokenBucket, 1000, 10);
        let mut usage = Usage::new(&budget);
        usage.spend(&budget, 10, 0);
        for now in 0..500 {
            usage.spend(&budget, 0, now);
        }
        assert_eq!(usage.used(&budget, 500), 5);
    }

    #[test]
    fn an_amount_beyond_the_limit_never_fits() {
        for kind in KINDS {
            let budget = budget(kind, 100, 10);
            assert_eq!(Usage::new(&budget).wait(&budget, 11, 0), None);
        }
    }
}
