//! The machine's clock.

use std::time::SystemTime;

use chrono::{DateTime, Utc};

/// The machine's time. A time that is not representable counts as after every expiry.
#[expect(clippy::disallowed_methods, reason = "the terminal edge reads the clock here only")]
pub(in crate::cli) fn now() -> DateTime<Utc> {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(elapsed.as_secs()).ok();
    seconds
        .and_then(|seconds| DateTime::from_timestamp(seconds, elapsed.subsec_nanos()))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
