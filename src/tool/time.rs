//! Converts ISO 8601 dates, times and durations to the input of Cedar's constructors.
//!
//! Values without an exact counterpart are refused: months, microseconds, times without an offset.

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Converts `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<String> {
    is_date(text).then(|| text.to_owned())
}

/// Converts a date and time of RFC 3339.
pub(super) fn date_time(text: &str) -> Option<String> {
    let (date, time) = text.split_once(['T', 't'])?;
    let (time, zone) = if let Some(time) = time.strip_suffix(['Z', 'z']) {
        (time, "Z".to_owned())
    } else {
        let (time, zone) = time.split_at_checked(time.rfind(['+', '-'])?)?;
        (time, offset(zone)?)
    };
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, milliseconds(fraction)?),
        None => (time, 0),
    };
    (is_date(date) && is_clock(clock)).then(|| format!("{date}T{clock}.{fraction:03}{zone}"))
}

/// Converts a duration of days, hours, minutes and seconds, or of weeks.
pub(super) fn duration(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let sign = if unsigned.len() == text.len() { "" } else { "-" };
    let period = unsigned.strip_prefix('P')?;
    let (days, clock) = match period.split_once('T') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None if period.is_empty() => return None,
        None => (period, ""),
    };
    let (weeks, days) = component(days, 'W', WEEK)?;
    let (whole_days, rest) = component(days, 'D', DAY)?;
    let (hours, clock) = component(clock, 'H', HOUR)?;
    let (minutes, clock) = component(clock, 'M', MINUTE)?;
    let seconds = seconds(clock)?;
    let parts = [weeks, whole_days, hours, minutes, seconds];
    let total = parts.into_iter().try_fold(0, i64::checked_add)?;
    rest.is_empty().then(|| format!("{sign}{total}ms"))
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=length).contains(&day)
}

fn is_clock(text: &str) -> bool {
    let mut parts = text.split(':');
    let mut below = |limit| {
        let part = parts.next().and_then(|part| digits(part, 2));
        part.is_some_and(|value| value < limit)
    };
    below(24) && below(60) && below(60) && parts.next().is_none()
}

/// Converts an offset: RFC 3339 writes `+hh:mm`, Cedar `+hhmm`.
fn offset(text: &str) -> Option<String> {
    let (hours, minutes) = text.split_once(':')?;
    let valid = digits(hours.get(1..)?, 2)? < 24 && digits(minutes, 2)? < 60;
    valid.then(|| format!("{hours}{minutes}"))
}

fn digits(text: &str, length: usize) -> Option<u32> {
    let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Parses the digits after a decimal point if they fit in milliseconds.
fn milliseconds(fraction: &str) -> Option<i64> {
    let kept = format!("{:0<3}", fraction.get(..3).unwrap_or(fraction));
    let zeros = fraction.bytes().skip(3).all(|byte| byte == b'0');
    let value = digits(&kept, 3).filter(|_| zeros && !fraction.is_empty())?;
    Some(value.into())
}

/// Parses an optional prefix such as `12D`; returns milliseconds and the rest.
fn component(text: &str, unit: char, length: i64) -> Option<(i64, &str)> {
    match text.split_once(unit) {
        None => Some((0, text)),
        Some((count, rest)) => {
            let count: i64 = count.parse().ok().filter(|_| is_number(count))?;
            Some((count.checked_mul(length)?, rest))
        }
    }
}

fn seconds(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let number = text.strip_suffix('S')?;
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, milliseconds(fraction)?),
        None => (number, 0),
    };
    let whole: i64 = whole.parse().ok().filter(|_| is_number(whole))?;
    whole.checked_mul(SECOND)?.checked_add(fraction)
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
