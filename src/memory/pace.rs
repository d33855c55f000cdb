//! How fast a token bucket falls.

use serde::{Deserialize, Serialize};

use super::{Budget, Millis};

/// How fast a token bucket falls: by a limit in a span of time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Pace {
    limit: i64,
    span: Millis,
    /// When everything has fallen that was added at this pace.
    until: Millis,
}

impl Pace {
    /// The pace of a budget.
    pub(super) fn of(budget: &Budget) -> Self {
        Self { limit: budget.limit.units(), span: budget.millis(), until: 0 }
    }

    /// The pace at which a budget falls that fell at this one. Where another version of the bundle has
    /// a slower one, that one holds until what was added under it has fallen.
    pub(super) fn or_of(self, budget: &Budget, now: Millis) -> Self {
        let own = Self::of(budget);
        let product = |limit: i64, span: Millis| i128::from(limit).saturating_mul(span.into());
        let is_slower = product(self.limit, own.span) < product(own.limit, self.span);
        if is_slower && now < self.until { self } else { own }
    }

    /// The pace after an addition by a budget, from which on there is this level.
    pub(super) fn holding(self, budget: &Budget, level: i64, at: Millis) -> Self {
        if self.is_of(budget) { Self { until: self.ends(level, at), ..self } } else { self }
    }

    /// Whether it is the pace of a budget.
    pub(super) fn is_of(self, budget: &Budget) -> bool {
        (self.limit, self.span) == (budget.limit.units(), budget.millis())
    }

    /// How much falls in some time, in whole units.
    pub(super) fn falls(self, time: Millis) -> i64 {
        let fallen = i128::from(self.limit).saturating_mul(i128::from(time));
        let fallen = fallen.checked_div(i128::from(self.span)).unwrap_or_default();
        i64::try_from(fallen).unwrap_or(i64::MAX)
    }

    /// How long it takes to fall by an amount.
    pub(super) fn time_to_fall(self, amount: i64) -> Millis {
        let time = i128::from(amount).saturating_mul(i128::from(self.span));
        let limit = i128::from(self.limit);
        let rounded = time.saturating_add(limit.saturating_sub(1)).checked_div(limit);
        rounded.and_then(|time| Millis::try_from(time).ok()).unwrap_or(Millis::MAX)
    }

    /// When nothing is left of a level.
    pub(super) fn ends(self, level: i64, at: Millis) -> Millis {
        at.saturating_add(self.time_to_fall(level))
    }
}
