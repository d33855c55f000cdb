//! A clock that nobody sets, the same for all workers.

use std::time::{Duration, Instant};

/// The host's monotonic clock. The standard library tells no absolute time of it, so it is found out
/// once how much can be subtracted from an instant: the clock does not go below zero.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    age: Duration,
}

/// More nanoseconds than any machine has run.
const LONGEST: u64 = 1 << 62;

impl Default for Clock {
    fn default() -> Self {
        let began = Instant::now();
        let fits = |nanos: u64| began.checked_sub(Duration::from_nanos(nanos)).is_some();
        let (mut fitting, mut beyond) = (0_u64, LONGEST);
        while let Some(middle) = fitting.checked_add(beyond).map(|sum| sum / 2)
            && middle > fitting
        {
            if fits(middle) {
                fitting = middle;
            } else {
                beyond = middle;
            }
        }
        Self { began, age: Duration::from_nanos(fitting) }
    }
}

impl Clock {
    /// The time in milliseconds.
    pub(super) fn millis(&self) -> u64 {
        let time = self.age.saturating_add(self.began.elapsed());
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}
