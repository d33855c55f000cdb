//! How much of a budget is used.

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::{Budget, Millis, Window};

/// What is used of a budget, by the kind of its window.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Usage {
    /// Everything since the window began with its first use.
    Fixed {
        /// When the window began.
        began: Millis,
        /// The sum.
        used: i64,
    },
    /// The amounts by time.
    Sliding(Log),
    /// A level that falls steadily.
    Bucket {
        /// The level at a time.
        level: i64,
        /// The time.
        at: Millis,
    },
}

impl Usage {
    /// Nothing is used.
    pub(super) fn new(window: Window) -> Self {
        match window {
            Window::Fixed => Self::Fixed { began: 0, used: 0 },
            Window::Sliding => Self::Sliding(Log::default()),
            Window::TokenBucket => Self::Bucket { level: 0, at: 0 },
        }
    }

    /// Whether it is kept in this kind of window. A bundle can change the kind.
    pub(super) fn is_of(&self, window: Window) -> bool {
        matches!(
            (self, window),
            (Self::Fixed { .. }, Window::Fixed)
                | (Self::Sliding(_), Window::Sliding)
                | (Self::Bucket { .. }, Window::TokenBucket)
        )
    }

    /// The amount that is used now.
    pub(super) fn used(&self, budget: &Budget, now: Millis) -> i64 {
        match self {
            Self::Fixed { began, used } if now < began.saturating_add(budget.millis()) => *used,
            Self::Fixed { .. } => 0,
            Self::Sliding(log) => log.after(now.checked_sub(budget.millis())).sum,
            Self::Bucket { .. } => self.fallen(budget, now).0,
        }
    }

    /// Adds an amount.
    pub(super) fn spend(&mut self, budget: &Budget, amount: i64, now: Millis) {
        let fallen = self.fallen(budget, now);
        match self {
            Self::Fixed { began, used } => {
                if now >= began.saturating_add(budget.millis()) || *used == 0 {
                    (*began, *used) = (now, 0);
                }
                *used = used.saturating_add(amount);
            }
            Self::Sliding(log) => {
                log.forget(now.checked_sub(budget.millis()));
                log.push(now, amount);
            }
            Self::Bucket { level, at } => {
                *at = fallen.1;
                *level = fallen.0.saturating_add(amount);
            }
        }
    }

    /// Takes back an amount that was added at this time. Of a window that is over, nothing is taken
    /// back.
    pub(super) fn give_back(&mut self, budget: &Budget, amount: i64, spent: Millis, now: Millis) {
        let fallen = self.fallen(budget, now);
        match self {
            Self::Fixed { began, used } => {
                if *began <= spent {
                    *used = used.saturating_sub(amount).max(0);
                }
            }
            Self::Sliding(log) => log.take_back(spent, amount),
            Self::Bucket { level, at } => {
                *at = fallen.1;
                // A part of it has fallen since.
                let since = now.saturating_sub(spent);
                let kept = amount.saturating_sub(falls(budget, since));
                *level = fallen.0.saturating_sub(kept.max(0)).max(0);
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
            Self::Fixed { began, .. } => began.saturating_add(budget.millis()).saturating_sub(now),
            Self::Sliding(log) => {
                let leaves = log.falls_to(now.checked_sub(budget.millis()), most)?;
                leaves.saturating_add(budget.millis()).saturating_sub(now)
            }
            Self::Bucket { .. } => time_to_fall(budget, used.saturating_sub(most)),
        })
    }

    /// When nothing is used any more, unless something is added.
    pub(super) fn until(&self, budget: &Budget) -> Millis {
        match self {
            Self::Fixed { began, .. } => began.saturating_add(budget.millis()),
            Self::Sliding(log) => log.last().unwrap_or_default().saturating_add(budget.millis()),
            Self::Bucket { level, at } => at.saturating_add(time_to_fall(budget, *level)),
        }
    }

    /// Takes less space. Returns whether it could.
    pub(super) fn shrink(&mut self) -> bool {
        if let Self::Sliding(log) = self { log.shrink() } else { false }
    }

    /// The level of a bucket now, and the time from which it falls on: whole units fall, and the time
    /// that a part of one has taken is not lost.
    fn fallen(&self, budget: &Budget, now: Millis) -> (i64, Millis) {
        let Self::Bucket { level, at } = *self else { return (0, now) };
        let falls = falls(budget, now.saturating_sub(at));
        if falls >= level {
            return (0, now);
        }
        let at = at.saturating_add(time_to_fall(budget, falls)).min(now);
        (level.saturating_sub(falls), at)
    }
}

/// How much a bucket falls in some time, in whole units.
fn falls(budget: &Budget, time: Millis) -> i64 {
    let fallen = i128::from(budget.limit.units()).saturating_mul(i128::from(time));
    let fallen = fallen.checked_div(i128::from(budget.millis())).unwrap_or_default();
    i64::try_from(fallen).unwrap_or(i64::MAX)
}

/// How long a bucket takes to fall by an amount.
fn time_to_fall(budget: &Budget, amount: i64) -> Millis {
    let time = i128::from(amount).saturating_mul(i128::from(budget.millis()));
    let limit = i128::from(budget.limit.units());
    let rounded = time.saturating_add(limit.saturating_sub(1)).checked_div(limit);
    rounded.and_then(|time| Millis::try_from(time).ok()).unwrap_or(Millis::MAX)
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
            let (mut usage, mut now, mut spent) = (Usage::new(kind), 0, Vec::new());
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
            let (mut usage, mut now) = (Usage::new(kind), 1);
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
        let mut usage = Usage::new(Window::TokenBucket);
        usage.spend(&budget, 10, 0);
        for now in 0..500 {
            usage.spend(&budget, 0, now);
        }
        assert_eq!(usage.used(&budget, 500), 5);
    }

    #[test]
    fn an_amount_beyond_the_limit_never_fits() {
        for kind in KINDS {
            assert_eq!(Usage::new(kind).wait(&budget(kind, 100, 10), 11, 0), None);
        }
    }
}
