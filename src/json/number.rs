//! Numbers whose value does not depend on a parser's number type.

use serde::ser::{Serialize, Serializer};

use super::JsonError;

/// The maximum length of a number; serializers write a double with at most 25 bytes.
const LONGEST: usize = 64;

/// Decimals with at most this many digits are distinct doubles.
const SAFE_DIGITS: usize = 15;

/// Plain numbers up to this length are far within the range of doubles, some 300 digits.
const SHORT: usize = 32;

/// The largest integer that a double represents unambiguously (RFC 7493).
const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// Which numbers the reader accepts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Numbers {
    /// Those that all parsers read alike (RFC 7493).
    Interoperable,
    /// Also `-0` and integers of 64 bits, signed or not, which only some parsers read as they are
    /// written.
    Any,
}

/// A JSON number in its original spelling.
///
/// INVARIANT (number): the text follows the grammar of RFC 8259, is finite as a double, and is zero
/// only where its digits are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// Accepts a literal that follows the grammar and starts at byte `at`.
    pub(super) fn new(literal: &'a str, at: usize, numbers: Numbers) -> Result<Self, JsonError> {
        if literal.len() > LONGEST {
            return Err(JsonError::NumberTooLong(at));
        }
        let number = Self(literal);
        if !number.is_integer() {
            check_float(literal, at)?;
        } else if literal.len() > SAFE_DIGITS && !number.is_taken(numbers) {
            return Err(JsonError::UnsafeInteger(at));
        }
        if numbers == Numbers::Interoperable && number.is_negative_zero() {
            return Err(JsonError::NegativeZero(at));
        }
        Ok(number)
    }

    /// Whether the reader accepts an integer of this size.
    fn is_taken(&self, numbers: Numbers) -> bool {
        match numbers {
            Numbers::Interoperable => self.as_i64().is_some(),
            Numbers::Any => self.has_64_bits(),
        }
    }

    /// Whether the number has its common spelling: without fraction and exponent, or as the
    /// shortest plain fraction for its double.
    pub fn has_one_spelling(&self) -> bool {
        (self.is_integer() || self.is_short_fraction()) && !self.is_negative_zero()
    }

    fn has_64_bits(&self) -> bool {
        self.0.parse::<i64>().is_ok() || self.0.parse::<u64>().is_ok()
    }

    fn is_negative_zero(&self) -> bool {
        self.0.starts_with('-') && !has_digits(self.0)
    }

    fn is_integer(&self) -> bool {
        !self.0.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
    }

    /// Decimals with at most [`SAFE_DIGITS`] digits are distinct doubles, so no shorter one has the
    /// same double. Serializers use exponents for very small numbers.
    fn is_short_fraction(&self) -> bool {
        let unsigned = self.0.strip_prefix('-').unwrap_or(self.0);
        let Some((whole, fraction)) = unsigned.split_once('.') else { return false };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        digits(whole)
            && digits(fraction)
            && whole.len().saturating_add(fraction.len()) <= SAFE_DIGITS
            && !fraction.ends_with('0')
            && !(whole == "0" && fraction.starts_with("0000"))
    }

    /// The number in its original spelling.
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    /// The integer, if the number was written without fraction and exponent, and every parser reads
    /// it alike: within ±(2^53 - 1), and not `-0`.
    pub fn as_i64(&self) -> Option<i64> {
        let integer = self.0.parse::<i64>().ok();
        let safe = |integer: &i64| integer.unsigned_abs() <= LARGEST_INTEGER && self.0 != "-0";
        integer.filter(safe)
    }

    /// The nearest double.
    pub fn as_f64(&self) -> f64 {
        // Every literal of the grammar parses. The NaN fallback equals nothing and has no JSON
        // form.
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_negative_zero() {
            return serializer.serialize_f64(self.as_f64());
        }
        match (self.0.parse(), self.0.parse()) {
            (Ok(integer), _) => serializer.serialize_i64(integer),
            (Err(_), Ok(integer)) => serializer.serialize_u64(integer),
            (Err(_), Err(_)) => serializer.serialize_f64(self.as_f64()),
        }
    }
}

fn check_float(literal: &str, at: usize) -> Result<(), JsonError> {
    // A short nonzero number without exponent is within the range of doubles.
    let small = |byte: u8| matches!(byte, b'0' | b'-' | b'.');
    let plain = !literal.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    if plain && literal.len() <= SHORT && !literal.bytes().all(small) {
        return Ok(());
    }
    let value = literal.parse::<f64>().map_err(|_| JsonError::MalformedNumber(at))?;
    // A parser with doubles reads `1e-400` as 0, a parser with decimals does not.
    let vanishes = value == 0.0 && has_digits(literal);
    if value.is_finite() && !vanishes { Ok(()) } else { Err(JsonError::NumberOutOfRange(at)) }
}

/// Whether a digit other than 0 stands before the exponent.
fn has_digits(literal: &str) -> bool {
    let mut mantissa = literal.bytes().take_while(|byte| !matches!(byte, b'e' | b'E'));
    mantissa.any(|byte| matches!(byte, b'1'..=b'9'))
}
