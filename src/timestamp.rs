//! Formats times for records.

use chrono::{DateTime, Datelike as _, SecondsFormat, Timelike as _, Utc};

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn timestamp(time: DateTime<Utc>) -> String {
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (year, millis) = (u32::try_from(year), time.timestamp_subsec_millis());
    // Other years need more digits, and leap seconds have more milliseconds.
    let (Ok(year @ 0..10_000), 0..1_000) = (year, millis) else {
        return time.to_rfc3339_opts(SecondsFormat::Millis, true);
    };
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let mut text = String::with_capacity("2026-11-21T00:00:00.000Z".len());
    let numbers = [year / 100, year % 100, month, day, hour, minute, second, millis / 10];
    for (number, after) in numbers.into_iter().zip(["", "-", "-", "T", ":", ":", ".", ""]) {
        text.extend([number / 10, number % 10].into_iter().filter_map(digit));
        text.push_str(after);
    }
    text.extend(digit(millis % 10));
    text.push('Z');
    text
}

fn digit(number: u32) -> Option<char> {
    char::from_digit(number, 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_those_of_rfc_3339(millis in -99_999_999_999_999..999_999_999_999_999_i64) {
            let time = DateTime::from_timestamp_millis(millis).expect("a time");
            let reference = time.to_rfc3339_opts(SecondsFormat::Millis, true);
            prop_assert_eq!(timestamp(time), reference);
        }
    }
}
