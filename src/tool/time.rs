//! Converts ISO 8601 dates, times and durations to the input of Cedar's constructors.
//!
//! Values without an exact counterpart, such as months and microseconds, are told from invalid ones.

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Why a text has no counterpart in Cedar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoTime {
    /// It does not follow the standard.
    Invalid,
    /// It does, but Cedar has no such value: a month, a microsecond, a leap second.
    Inexact,
}

/// Converts `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Result<String, NoTime> {
    if is_date(text) { Ok(text.to_owned()) } else { Err(NoTime::Invalid) }
}

/// Converts a date and time of RFC 3339.
pub(super) fn date_time(text: &str) -> Result<String, NoTime> {
    let (date, time) = text.split_once(['T', 't']).ok_or(NoTime::Invalid)?;
    let (time, zone) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, Some("Z".to_owned())),
        None => match time.rfind(['+', '-']).and_then(|at| time.split_at_checked(at)) {
            Some((time, zone)) => (time, offset(zone)),
            None => (time, None),
        },
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let zone = zone.filter(|_| is_date(date) && is_digits(fraction)).ok_or(NoTime::Invalid)?;
    match milliseconds(fraction) {
        Some(fraction) if is_clock(clock) => Ok(format!("{date}T{clock}.{fraction:03}{zone}")),
        _ if is_clock(clock) || is_leap_second(clock) => Err(NoTime::Inexact),
        _ => Err(NoTime::Invalid),
    }
}

/// Converts a duration of days, hours, minutes and seconds, or of weeks.
pub(super) fn duration(text: &str) -> Result<String, NoTime> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let sign = if unsigned.len() == text.len() { "" } else { "-" };
    let period = unsigned.strip_prefix('P').ok_or(NoTime::Invalid)?;
    let (days, clock) = match period.split_once('T') {
        Some((_, "")) => return Err(NoTime::Invalid),
        Some(parts) => parts,
        None if period.is_empty() => return Err(NoTime::Invalid),
        None => (period, ""),
    };
    let mut rest = days;
    for unit in ['Y', 'M', 'W', 'D'] {
        rest = skip(rest, unit)?;
    }
    let mut clock_rest = clock;
    for unit in ['H', 'M'] {
        clock_rest = skip(clock_rest, unit)?;
    }
    if !rest.is_empty() || !is_seconds(clock_rest) {
        return Err(NoTime::Invalid);
    }
    let exact = !days.contains(['Y', 'M']);
    let total = exact.then(|| milliseconds_of(days, clock)).flatten();
    total.map(|total| format!("{sign}{total}ms")).ok_or(NoTime::Inexact)
}

/// The length of a valid duration without years and months; `None` if it is not in milliseconds, or
/// too long.
fn milliseconds_of(days: &str, clock: &str) -> Option<i64> {
    let (weeks, days) = component(days, 'W', WEEK)?;
    let (whole_days, _) = component(days, 'D', DAY)?;
    let (hours, clock) = component(clock, 'H', HOUR)?;
    let (minutes, clock) = component(clock, 'M', MINUTE)?;
    let parts = [weeks, whole_days, hours, minutes, seconds(clock)?];
    parts.into_iter().try_fold(0, i64::checked_add)
}

/// Skips an optional component such as `12D`.
fn skip(text: &str, unit: char) -> Result<&str, NoTime> {
    match text.split_once(unit) {
        None => Ok(text),
        Some((count, rest)) if is_digits(count) => Ok(rest),
        Some(_) => Err(NoTime::Invalid),
    }
}

fn is_seconds(text: &str) -> bool {
    let Some(number) = text.strip_suffix('S') else { return text.is_empty() };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    is_digits(whole) && is_digits(fraction)
}

/// Whether a text is one or more digits.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && is_number(text)
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

/// Whether it is a time in the second that is inserted at the end of some days.
fn is_leap_second(clock: &str) -> bool {
    clock.strip_suffix(":60").is_some_and(|minutes| is_clock(&format!("{minutes}:59")))
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
