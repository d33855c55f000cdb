//! Creates Cedar values directly. An expression would have to be evaluated first.

use std::sync::LazyLock;

use cedar_policy_core::ast::{Name, PartialValue};
use cedar_policy_core::extensions::Extensions;
use chrono::{DateTime, SecondsFormat, Utc};

pub use cedar_policy_core::ast::Value;

/// Cedar's constructor functions for extension values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extension {
    /// `decimal("1.25")`
    Decimal,
    /// `datetime("2026-01-31T12:00:00Z")`
    Datetime,
    /// `duration("1h30m")`
    Duration,
    /// `ip("192.0.2.1")`
    Ip,
}

/// The functions' names, in the order of [`Extension`].
static NAMES: LazyLock<[Option<Name>; 4]> =
    LazyLock::new(|| ["decimal", "datetime", "duration", "ip"].map(|name| name.parse().ok()));

impl Extension {
    /// Calls the constructor with a string; `None` if Cedar rejects it.
    pub fn of(self, text: &str) -> Option<Value> {
        let [decimal, datetime, duration, ip] = &*NAMES;
        let name = match self {
            Self::Decimal => decimal,
            Self::Datetime => datetime,
            Self::Duration => duration,
            Self::Ip => ip,
        };
        let function = Extensions::all_available().func(name.as_ref()?).ok()?;
        match function.call(&[Value::from(text)]).ok()? {
            PartialValue::Value(value) => Some(value),
            PartialValue::Residual(_) => None,
        }
    }
}

/// A `datetime` with millisecond precision.
pub fn datetime(time: DateTime<Utc>) -> Option<Value> {
    Extension::Datetime.of(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A `decimal` from ten-thousandths.
pub fn decimal(value: i64) -> Option<Value> {
    Extension::Decimal.of(&plain(value))
}

/// Formats ten-thousandths as input of Cedar's `decimal`.
pub fn plain(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    format!("{sign}{}.{:04}", value / 10_000, value % 10_000)
}

/// A record of these members, whose names are distinct.
pub fn record<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::record(members, None)
}

/// A set of these elements.
pub fn set(elements: impl IntoIterator<Item = Value>) -> Value {
    Value::set(elements, None)
}
