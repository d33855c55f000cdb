//! Amounts and spans of time, as a bundle writes them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Millis;
use crate::policy::value;
use crate::tool::number::Range;

/// An amount, in ten-thousandths, as Cedar's `decimal` has them. What a bundle writes is above zero and
/// at most 100,000,000,000; what is used of a budget can be zero.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "serde_json::Number", into = "serde_json::Number")]
pub struct Amount(i64);

/// The units of one.
pub const ONE: i64 = 10_000;

/// The largest amount of a bundle or of a call, in ten-thousandths: a hundred thousand millions. JSON has
/// numbers as doubles, which have every ten-thousandth up to more than five times as much.
pub(super) const MOST: i64 = 100_000_000_000 * ONE;

impl Amount {
    /// The amount in ten-thousandths.
    pub fn units(self) -> i64 {
        self.0
    }

    /// An amount of ten-thousandths.
    pub fn of_units(units: i64) -> Self {
        Self(units)
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        serde_json::Number::from(*self).fmt(f)
    }
}

impl TryFrom<serde_json::Number> for Amount {
    type Error = String;

    fn try_from(number: serde_json::Number) -> Result<Self, String> {
        let units = Range::default().decimal(&number.to_string()).ok();
        units.filter(|units| (1..=MOST).contains(units)).map(Self).ok_or_else(|| {
            format!(
                "`{number}` is not an amount: write a number above zero and up to 100000000000, with \
                 at most four decimals"
            )
        })
    }
}

impl From<Amount> for serde_json::Number {
    fn from(Amount(units): Amount) -> Self {
        let whole = units.checked_rem(ONE) == Some(0);
        if whole && let Some(number) = units.checked_div(ONE) {
            return number.into();
        }
        // Up to five times the largest amount, no other number of four decimals is the same double.
        let double = value::plain(units).parse().ok().and_then(Self::from_f64);
        double.unwrap_or_else(|| units.into())
    }
}

/// A span of time of at least a second: `90s`, `10m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

/// Times are kept since the proxy began, so a longer window would never be full.
const LONGEST: Duration = Duration::from_hours(24 * 366);

impl Span {
    /// A span of so many seconds.
    pub const fn of_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The span in milliseconds.
    pub fn millis(self) -> Millis {
        Millis::try_from(self.0.as_millis()).unwrap_or(Millis::MAX)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span = humantime::parse_duration(&text).map_err(|error| {
            format!("`{text}` is not a span of time such as `90s`, `10m` or `24h`: {error}")
        })?;
        if (Duration::from_secs(1)..=LONGEST).contains(&span) {
            Ok(Self(span))
        } else {
            Err(format!("`{text}` is not between a second and a year"))
        }
    }
}

impl From<Span> for String {
    fn from(Span(span): Span) -> Self {
        humantime::format_duration(span).to_string()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        /// What a record says is the amount, also after a reader who knows doubles only.
        #[test]
        fn amounts_are_written_exactly(units in 0..5 * MOST, decimals in 0_u32..5) {
            let units = units - units % 10_i64.pow(decimals);
            let text = Amount::of_units(units).to_string();
            let digits = value::plain(units);
            let exact = digits.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(&text, if units == 0 { "0" } else { exact });
            let double: f64 = text.parse().unwrap();
            prop_assert_eq!(&format!("{double}"), &text);
        }
    }

    #[test]
    fn amounts_are_exact() {
        for (number, units) in
            [(json!(2000), 20_000_000), (json!(0.5), 5000), (json!(12.3456), 123_456)]
        {
            let amount: Amount = serde_json::from_value(number.clone()).unwrap();
            assert_eq!(amount.units(), units);
            assert_eq!(serde_json::to_value(amount).unwrap(), number);
        }
        for number in [
            json!(0),
            json!(-1),
            json!(0.00001),
            json!("1"),
            json!(1e30),
            json!(100_000_000_000_u64 + 1),
        ] {
            assert!(serde_json::from_value::<Amount>(number.clone()).is_err(), "{number}");
        }
    }

    #[test]
    fn spans_are_read_as_they_are_written() {
        for (text, millis) in [("10m", 600_000), ("1day", 86_400_000), ("1h 30m", 5_400_000)] {
            let span: Span = text.to_owned().try_into().unwrap();
            assert_eq!((span.millis(), String::from(span).as_str()), (millis, text));
        }
        for text in ["", "10", "500ms", "10y", "-1m"] {
            assert!(Span::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
