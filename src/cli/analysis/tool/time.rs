//! Parses dates, times and durations as Cedar displays them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// The time of a Cedar value, which is displayed as a date, as a time, or as
/// `datetime("1970-01-01").offset(duration("5ms"))`.
pub(in crate::cli) fn instant(value: &str) -> Option<DateTime<Utc>> {
    let value = value.strip_prefix("datetime(\"")?;
    if let Some(offset) = value.strip_prefix("1970-01-01\").offset(") {
        return DateTime::from_timestamp_millis(milliseconds_of(offset.strip_suffix(')')?)?);
    }
    let text = value.strip_suffix("\")")?;
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let date = date.map(|date| date.and_time(NaiveTime::MIN).and_utc());
    let time = DateTime::parse_from_rfc3339(text).ok();
    let time = time.or_else(|| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok());
    date.or_else(|| Some(time?.to_utc()))
}

/// The JSON spelling of a duration that Cedar displays as `duration("5ms")`.
pub(super) fn span(value: &str) -> Option<String> {
    let milliseconds = milliseconds_of(value)?;
    let sign = if milliseconds < 0 { "-" } else { "" };
    let size = milliseconds.unsigned_abs();
    Some(format!("{sign}PT{}.{:03}S", size / 1_000, size % 1_000))
}

fn milliseconds_of(duration: &str) -> Option<i64> {
    duration.strip_prefix("duration(\"")?.strip_suffix("ms\")")?.parse().ok()
}
