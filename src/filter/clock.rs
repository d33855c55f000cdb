//! A clock that nobody sets, the same for all workers and for every VM of a process.

use coarsetime::{Duration, Instant};

/// The host's monotonic clock in milliseconds. The standard library tells no absolute time of it.
pub(super) fn millis() -> u64 {
    Duration::from_ticks(Instant::now_without_cache_update().as_ticks()).as_millis()
}
