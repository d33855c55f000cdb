//! Values in normal form: the values that their canonical JSON (RFC 8785) parses to.
//!
//! Canonical JSON writes every number as a double and sorts members, so `1` and `1.0` have the same
//! digest. In normal form, equal digests mean equal values.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Number, Value};

/// An integer that canonical JSON rounds to another integer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{written}` is `{canonical}` in canonical JSON (RFC 8785), which has doubles only")]
pub struct Inexact {
    written: String,
    canonical: String,
}

/// Types with a normal form.
pub trait Normalize {
    /// Converts the value to normal form.
    ///
    /// # Errors
    ///
    /// An integer in it would change.
    fn normalize(&mut self) -> Result<(), Inexact>;
}

/// Deserializes a value into normal form, for `#[serde(deserialize_with = …)]`.
pub fn normalized<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Normalize,
    D: Deserializer<'de>,
{
    let mut value = T::deserialize(deserializer)?;
    value.normalize().map_err(D::Error::custom)?;
    Ok(value)
}

/// The number that the canonical JSON of this number parses to.
pub(super) fn number(number: &Number) -> Result<Number, Inexact> {
    // Without arbitrary precision, every number is a finite double or is rounded to one.
    let double = number.as_f64().unwrap_or_default();
    let mut buffer = ryu_js::Buffer::new();
    let canonical = buffer.format_finite(double);
    let inexact = || Inexact { written: number.to_string(), canonical: canonical.to_owned() };
    let read: Number = canonical.parse().map_err(|_| inexact())?;
    if number.is_f64() || read == *number { Ok(read) } else { Err(inexact()) }
}

impl Normalize for Value {
    fn normalize(&mut self) -> Result<(), Inexact> {
        match self {
            Self::Number(written) => *written = number(written)?,
            Self::Array(elements) => elements.normalize()?,
            Self::Object(members) => {
                members.sort_keys();
                members.values_mut().try_for_each(Self::normalize)?;
            }
            Self::Null | Self::Bool(_) | Self::String(_) => {}
        }
        Ok(())
    }
}

impl Normalize for Vec<Value> {
    fn normalize(&mut self) -> Result<(), Inexact> {
        self.iter_mut().try_for_each(Value::normalize)
    }
}

impl Normalize for BTreeMap<String, Value> {
    fn normalize(&mut self) -> Result<(), Inexact> {
        self.values_mut().try_for_each(Value::normalize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::canonical;

    fn normal(text: &str) -> Result<String, String> {
        let mut value: Value = serde_json::from_str(text).expect("JSON");
        value.normalize().map_err(|error| error.to_string())?;
        Ok(value.to_string())
    }

    #[test]
    fn numbers_that_have_one_digest_are_one_number() {
        for (written, expected) in [
            ("1.0", "1"),
            ("1e0", "1"),
            ("10.0e-1", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("-5.0", "-5"),
            ("1e19", "10000000000000000000"),
            ("100000000000000000000.0", "1e+20"),
            ("0.10", "0.1"),
            ("9007199254740994", "9007199254740994"),
            (r#"{"b":[1.0],"a":{"d":2.50,"c":null}}"#, r#"{"a":{"c":null,"d":2.5},"b":[1]}"#),
        ] {
            assert_eq!(normal(written).as_deref(), Ok(expected), "{written}");
        }
        for written in ["9007199254740993", "1152921504606846976", "-9223372036854775807"] {
            let error = normal(&format!("[{{\"a\":{written}}}]")).unwrap_err();
            assert!(error.contains(&format!("`{written}` is `")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_number_in_normal_form_is_what_its_canonical_json_reads_as(bits: u64, integer: u64) {
            let numbers = [
                Number::from_f64(f64::from_bits(bits)),
                Some(Number::from(integer >> (bits % 64))),
                Some(Number::from(integer.cast_signed() >> (bits % 64))),
            ];
            for written in numbers.into_iter().flatten() {
                let canonical = canonical(&written);
                let read: Number = serde_json::from_slice(&canonical).expect("a number");
                match number(&written) {
                    Ok(normal) => {
                        prop_assert_eq!(number(&normal), Ok(normal.clone()));
                        prop_assert_eq!(normal, read);
                    }
                    Err(_) => prop_assert!(!written.is_f64() && read != written),
                }
            }
        }
    }
}
