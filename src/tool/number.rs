//! Exact numbers in ten-thousandths, the resolution of Cedar's `decimal`.
//!
//! A number is accepted only if every parser must read the same value: plain notation, at most four
//! fractional digits, and no more significant digits than a double preserves.

use serde_json::{Map, Number, Value};

/// The fractional digits of Cedar's `decimal`.
const DIGITS: usize = 4;
/// Ten to the power of [`DIGITS`].
pub(crate) const ONE: i128 = 10_000;
/// The significant digits that a double always preserves.
pub(crate) const DOUBLE_DIGITS: usize = 15;
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
        let multiple_of = step
            .filter(|step| step.exact)
            .map(|step| Bound { limit: step.value, words: format!("a multiple of {}", step.text) });
        let values = values.map(|values| {
            let cuts = values.iter().filter_map(|value| value.as_number()).map(cut);
            cuts.filter(|cut| cut.exact).map(|cut| cut.value).collect()
        });
        let range = Self { min, max, multiple_of, values };
        Ok((range, fine.then_some("multipleOf")))
    }

    /// Checks an integer; the error is the requirement that it does not meet.
    pub(crate) fn check_long(&self, value: i64) -> Result<(), String> {
        self.check(i128::from(value).saturating_mul(ONE))
    }

    /// Checks a number in ten-thousandths; the error is the requirement that it does not meet.
    pub(crate) fn check_decimal(&self, value: i64) -> Result<(), String> {
        self.check(i128::from(value))
    }

    fn check(&self, value: i128) -> Result<(), String> {
        let low = self.min.as_ref().filter(|bound| value < bound.limit);
        let high = self.max.as_ref().filter(|bound| value > bound.limit);
        let uneven = |bound: &&Bound| value.checked_rem(bound.limit) != Some(0);
        let step = self.multiple_of.as_ref().filter(uneven);
        if let Some(bound) = low.or(high).or(step) {
            return Err(bound.words.clone());
        }
        match &self.values {
            Some(values) if !values.contains(&value) => {
                Err("one of its declared values".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Parses a literal in plain notation as ten-thousandths; the error is the requirement that it does
/// not meet.
pub(crate) fn decimal(literal: &str, max_digits: usize) -> Result<i64, &'static str> {
    let unsigned = literal.strip_prefix('-').unwrap_or(literal);
    let negative = unsigned.len() != literal.len();
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => ("", ""),
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let digits = || whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || !digits().all(|byte| byte.is_ascii_digit()) {
        return Err("a decimal number in plain notation");
    }
    if fraction.len() > DIGITS {
        return Err("a number with at most 4 fractional digits");
    }
    if digits().skip_while(|byte| *byte == b'0').count() > max_digits {
        return Err("a number with at most 15 significant digits");
    }
    let zeros = DIGITS.saturating_sub(fraction.len());
    let scaled = digits().chain(std::iter::repeat_n(b'0', zeros)).try_fold(0_i64, |size, digit| {
        let digit = i64::from(digit.saturating_sub(b'0'));
        let grown = size.checked_mul(10)?;
        // The negative range has one more number.
        if negative { grown.checked_sub(digit) } else { grown.checked_add(digit) }
    });
    scaled.ok_or("between -922337203685477.5808 and 922337203685477.5807")
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
        words: format!("at least {}", cut.text),
    });
    let exclusive = exclusive.map(|cut| Bound {
        limit: if cut.exact || cut.value >= 0 { cut.value.saturating_add(1) } else { cut.value },
        words: format!("greater than {}", cut.text),
    });
    inclusive.into_iter().chain(exclusive).max_by_key(|bound| bound.limit)
}

fn upper(inclusive: Option<Cut>, exclusive: Option<Cut>) -> Option<Bound> {
    let inclusive = inclusive.map(|cut| Bound {
        limit: if cut.exact || cut.value >= 0 { cut.value } else { cut.value.saturating_sub(1) },
        words: format!("at most {}", cut.text),
    });
    let exclusive = exclusive.map(|cut| Bound {
        limit: if cut.exact || cut.value < 0 { cut.value.saturating_sub(1) } else { cut.value },
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
