//! Exact numbers in ten-thousandths, the resolution of Cedar's `decimal`.
//!
//! Policies read a number only if every parser must read the same value: at most four fractional
//! digits, and no more significant digits than a double preserves.

use serde_json::{Map, Number, Value};

use super::unfit::Unfit;

/// The fractional digits of Cedar's `decimal`.
const DIGITS: usize = 4;
/// Ten to the power of [`DIGITS`].
pub(crate) const ONE: i128 = 10_000;
/// As [`DIGITS`], for sums with exponents.
const DIGITS_I32: i32 = 4;
/// The significant digits that a double always preserves.
const DOUBLE_DIGITS: usize = 15;
/// The largest integer that a double represents unambiguously (RFC 7493).
const LARGEST_INTEGER: u64 = (1 << 53) - 1;
/// The digits of every number that 32 bits hold.
const SHORT: usize = 9;
/// More digits than the largest number that is compared.
const LONGEST: i32 = 64;
/// Larger than every number that is compared with a bound.
const BEYOND: i128 = i128::MAX / 1_000_000;

/// The range of a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: Option<Bound>,
    pub(crate) max: Option<Bound>,
    pub(crate) multiple_of: Option<Bound>,
    pub(crate) values: Option<Vec<i128>>,
}

/// A bound in ten-thousandths, and its text for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) limit: i128,
    /// Whether numbers between the limit and the next ten-thousandth beyond it are in the range.
    open: bool,
    words: String,
}

/// A number from a schema, truncated towards zero.
struct Cut {
    value: i128,
    exact: bool,
    text: String,
}

impl Range {
    /// Parses the numeric keywords of a schema; `values` is its `enum` or `const`.
    ///
    /// The error is a keyword that cannot be parsed; the second part of the result is one that
    /// cannot be enforced.
    pub(crate) fn read(
        schema: &Map<String, Value>,
        values: Option<&[&Value]>,
    ) -> Result<(Self, Option<&'static str>), &'static str> {
        let min = lower(limit(schema, "minimum")?, limit(schema, "exclusiveMinimum")?);
        let max = upper(limit(schema, "maximum")?, limit(schema, "exclusiveMaximum")?);
        let step = limit(schema, "multipleOf")?;
        if step.as_ref().is_some_and(|step| step.value <= 0 && step.exact) {
            return Err("multipleOf");
        }
        let fine = step.as_ref().is_some_and(|step| !step.exact);
        let multiple_of = step.filter(|step| step.exact).map(|step| Bound {
            limit: step.value,
            open: false,
            words: format!("a multiple of {}", step.text),
        });
        let values = values.map(|values| {
            let cuts = values.iter().filter_map(|value| value.as_number()).map(cut);
            cuts.filter(|cut| cut.exact).map(|cut| cut.value).collect()
        });
        let range = Self { min, max, multiple_of, values };
        Ok((range, fine.then_some("multipleOf")))
    }

    /// The integer that a literal stands for, in this range.
    pub(crate) fn long(&self, literal: &str) -> Result<i64, Unfit> {
        let scaled = Scaled::of(literal).ok_or_else(|| Unfit::schema("an integer"))?;
        if !scaled.whole {
            return Err(Unfit::schema("an integer"));
        }
        self.check(&scaled)?;
        let whole = scaled.value.checked_div(ONE).and_then(|whole| i64::try_from(whole).ok());
        whole
            .filter(|whole| whole.unsigned_abs() <= LARGEST_INTEGER)
            .ok_or_else(|| Unfit::inexact("an integer of at most 2^53 - 1"))
    }

    /// The number that a literal stands for, in this range, in ten-thousandths.
    pub(crate) fn decimal(&self, literal: &str) -> Result<i64, Unfit> {
        let scaled = Scaled::of(literal).ok_or_else(|| Unfit::schema("a number"))?;
        self.check(&scaled)?;
        scaled.decimal(DOUBLE_DIGITS)
    }

    fn check(&self, number: &Scaled) -> Result<(), Unfit> {
        let (floor, ceiling) = number.neighbours();
        let below = |bound: &&Bound| (if bound.open { ceiling } else { floor }) < bound.limit;
        let above = |bound: &&Bound| (if bound.open { floor } else { ceiling }) > bound.limit;
        let (low, high) = (self.min.as_ref().filter(below), self.max.as_ref().filter(above));
        let uneven = |bound: &&Bound| !number.exact || floor.checked_rem(bound.limit) != Some(0);
        let step = self.multiple_of.as_ref().filter(uneven);
        if let Some(bound) = low.or(high).or(step) {
            return Err(Unfit::schema(bound.words.clone()));
        }
        match &self.values {
            Some(values) if !(number.exact && values.contains(&floor)) => {
                Err(Unfit::schema("one of its declared values"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// A number of a call in ten-thousandths, truncated towards zero.
#[derive(Debug, PartialEq)]
struct Scaled {
    /// At most [`BEYOND`] in size.
    value: i128,
    negative: bool,
    exact: bool,
    /// Whether the number is an integer.
    whole: bool,
    /// The significant digits of the literal.
    digits: usize,
}

impl Scaled {
    /// Parses a literal of the JSON grammar.
    fn of(literal: &str) -> Option<Self> {
        Self::short(literal).or_else(|| Self::any(literal))
    }

    /// A positive integer of a few digits, as most numbers are.
    fn short(literal: &str) -> Option<Self> {
        if literal.len() > SHORT || !literal.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let whole: u32 = literal.parse().ok()?;
        let digits = significant(literal.bytes());
        let value = i128::from(whole).checked_mul(ONE)?;
        Some(Self { value, negative: false, exact: true, whole: true, digits })
    }

    fn any(literal: &str) -> Option<Self> {
        let unsigned = literal.strip_prefix('-').unwrap_or(literal);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            // The reader ends at the range of doubles, but zero may have any exponent.
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or_default()),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !all().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Without them, digits beyond `LONGEST` are always beyond every bound.
        let zeros = all().take_while(|digit| *digit == b'0').count();
        let digits = || all().skip(zeros);
        let [whole, zeros] = [whole.len(), zeros].map(i32::try_from);
        let before_point = whole.ok()?.saturating_sub(zeros.ok()?).saturating_add(exponent);
        let place = |point: i32| usize::try_from(point.clamp(0, LONGEST)).ok();
        let ends_by = |point: usize| digits().skip(point).all(|digit| digit == b'0');
        let point = place(before_point.saturating_add(DIGITS_I32))?;
        let kept = digits().chain(std::iter::repeat(b'0')).take(point);
        let value = kept.fold(0_i128, |size, digit| {
            let digit = i128::from(digit.saturating_sub(b'0'));
            size.saturating_mul(10).saturating_add(digit).min(BEYOND)
        });
        let negative = unsigned.len() != literal.len();
        Some(Self {
            value: if negative { value.saturating_neg() } else { value },
            negative,
            exact: ends_by(point) && value < BEYOND,
            whole: ends_by(place(before_point)?),
            digits: significant(digits()),
        })
    }

    /// The ten-thousandths next to it: itself twice, if it is exact.
    fn neighbours(&self) -> (i128, i128) {
        match (self.exact, self.negative) {
            (true, _) => (self.value, self.value),
            (false, false) => (self.value, self.value.saturating_add(1)),
            (false, true) => (self.value.saturating_sub(1), self.value),
        }
    }

    /// The value as a Cedar decimal.
    fn decimal(&self, max_digits: usize) -> Result<i64, Unfit> {
        let range = "between -922337203685477.5808 and 922337203685477.5807";
        let value = i64::try_from(self.value).map_err(|_| Unfit::inexact(range))?;
        if !self.exact {
            return Err(Unfit::inexact("a number with at most 4 fractional digits"));
        }
        if self.digits > max_digits {
            return Err(Unfit::inexact("a number with at most 15 significant digits"));
        }
        Ok(value)
    }
}

/// The number of digits from the first to the last that is not zero.
fn significant(digits: impl Iterator<Item = u8>) -> usize {
    let digits = digits.skip_while(|digit| *digit == b'0');
    digits.zip(1..).filter(|(digit, _)| *digit != b'0').last().map_or(0, |(_, count)| count)
}

/// Parses a decimal number of a text, in plain notation, as ten-thousandths.
pub(crate) fn decimal(text: &str) -> Result<i64, Unfit> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let scaled = Scaled::of(text).filter(|_| plain && !unsigned.ends_with('.'));
    scaled.ok_or_else(|| Unfit::schema("a decimal number in plain notation"))?.decimal(usize::MAX)
}

fn limit(schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<Cut>, &'static str> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(cut(number))),
        Some(_) => Err(keyword),
    }
}

fn lower(inclusive: Option<Cut>, exclusive: Option<Cut>) -> Option<Bound> {
    let inclusive = inclusive.map(|cut| Bound {
        limit: if cut.exact || cut.value < 0 { cut.value } else { cut.value.saturating_add(1) },
        open: false,
        words: format!("at least {}", cut.text),
    });
    let exclusive = exclusive.map(|cut| Bound {
        limit: if cut.exact || cut.value >= 0 { cut.value.saturating_add(1) } else { cut.value },
        open: cut.exact,
        words: format!("greater than {}", cut.text),
    });
    // Of equal limits, the last one counts: the exclusive bound may be open.
    exclusive.into_iter().chain(inclusive).max_by_key(|bound| bound.limit)
}

fn upper(inclusive: Option<Cut>, exclusive: Option<Cut>) -> Option<Bound> {
    let inclusive = inclusive.map(|cut| Bound {
        limit: if cut.exact || cut.value >= 0 { cut.value } else { cut.value.saturating_sub(1) },
        open: false,
        words: format!("at most {}", cut.text),
    });
    let exclusive = exclusive.map(|cut| Bound {
        limit: if cut.exact || cut.value < 0 { cut.value.saturating_sub(1) } else { cut.value },
        open: cut.exact,
        words: format!("less than {}", cut.text),
    });
    inclusive.into_iter().chain(exclusive).min_by_key(|bound| bound.limit)
}

fn cut(number: &Number) -> Cut {
    // `f64` is displayed without exponent, unlike the literal.
    let float = number.as_f64().filter(|_| number.is_f64());
    let text = float.map_or_else(|| number.to_string(), |float| float.to_string());
    let unsigned = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let kept: String = fraction.chars().take(DIGITS).collect();
    let size = format!("{whole}{kept:0<DIGITS$}").parse().unwrap_or(BEYOND).min(BEYOND);
    Cut {
        value: if text.starts_with('-') { size.saturating_neg() } else { size },
        exact: fraction.chars().skip(DIGITS).all(|digit| digit == '0'),
        text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number in ten-thousandths and whether it is exact and whole, by writing out all its digits.
    fn written_out(digits: &str, point: i32) -> (i128, bool, bool) {
        let zeros = "0".repeat(400);
        let text = format!("{zeros}{digits}{zeros}");
        let at = usize::try_from(point.saturating_add(400)).expect("the exponent is small");
        let (before, after) = text.split_at(at);
        let (kept, cut) = after.split_at(DIGITS);
        let size = format!("{before}{kept}");
        let size = size.trim_start_matches('0');
        let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
        // `BEYOND` has 33 digits.
        let size = if size.len() > 33 { BEYOND } else { format!("0{size}").parse().unwrap() };
        (size.min(BEYOND), is_zero(cut) && size < BEYOND, is_zero(after))
    }

    proptest! {
        #[test]
        fn few_digits_are_read_like_any(literal in "[0-9]{1,9}") {
            let [short, any] = [Scaled::short(&literal), Scaled::any(&literal)];
            prop_assert_eq!(short.expect("a number"), any.expect("a number"));
        }

        #[test]
        fn numbers_are_what_their_digits_say(
            zeros in 0..62_usize,
            digits in "[0-9]{1,40}",
            point in 0..102_usize,
            exponent in -150..150_i32,
            negative: bool,
        ) {
            let mut digits = "0".repeat(zeros) + &digits;
            let point = point.min(digits.len());
            let expected = {
                let point = i32::try_from(point).unwrap();
                written_out(&digits, point.saturating_add(exponent))
            };
            digits.insert(point, '.');
            let whole = if point == 0 { "0" } else { "" };
            let sign = if negative { "-" } else { "" };
            let literal = format!("{sign}{whole}{digits}e{exponent}");
            let scaled = Scaled::of(&literal).expect("a number");
            let value = if negative { expected.0.saturating_neg() } else { expected.0 };
            prop_assert_eq!((scaled.value, scaled.exact, scaled.whole), (value, expected.1, expected.2), "{}", literal);
        }
    }
}
