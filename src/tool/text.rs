//! Strings, and typed values that JSON represents as strings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regex::Regex;
use serde_json::{Map, Value};

use super::time::NoTime;
use super::unfit::Unfit;
use super::{number, pattern, time, uri};
use crate::policy::ArgumentValue;
use crate::policy::value::Extension;

/// The type of a string argument.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) form: Form,
    pub(crate) min: Option<usize>,
    pub(crate) max: Option<usize>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) values: Option<Vec<String>>,
}

/// The format of URIs that all readers read alike.
const URI_FORMAT: &str = "toolgate-uri";

/// The interpretation of a string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Plain,
    /// A URI that all readers read alike.
    Uri,
    Date,
    DateTime,
    Duration,
    Ipv4,
    Ipv6,
    Decimal,
}

impl Text {
    /// Parses the keywords of a schema that apply to strings; `values` is its `const`.
    ///
    /// The error is a keyword that cannot be parsed; the second part of the result is one that
    /// cannot be enforced.
    pub(crate) fn read(
        schema: &Map<String, Value>,
        values: Option<&[&Value]>,
    ) -> Result<(Self, Option<&'static str>), &'static str> {
        let strings = |values: &[&Value]| {
            let values = values.iter().filter_map(|value| value.as_str());
            values.map(ToOwned::to_owned).collect()
        };
        let written = match schema.get("pattern") {
            None => None,
            Some(pattern) => Some(pattern.as_str().ok_or("pattern")?),
        };
        let pattern = written.and_then(pattern::compile);
        let unusable = written.is_some() && pattern.is_none();
        let text = Self {
            form: Form::read(schema.get("format").and_then(Value::as_str)),
            min: count(schema, "minLength")?,
            max: count(schema, "maxLength")?,
            pattern,
            values: values.map(strings),
        };
        Ok((text, unusable.then_some("pattern")))
    }

    /// The type of some constants.
    pub(crate) fn of_constants(values: Vec<String>) -> Self {
        Self { form: Form::Plain, min: None, max: None, pattern: None, values: Some(values) }
    }

    /// The values, if nothing else describes them.
    pub(crate) fn constants(&self) -> Option<Vec<String>> {
        let else_free = self.min.is_none() && self.max.is_none() && self.pattern.is_none();
        self.values.clone().filter(|_| self.is_plain() && else_free)
    }

    /// The Cedar type of the values.
    pub(crate) fn cedar_type(&self) -> &'static str {
        match self.form {
            Form::Plain | Form::Uri => "String",
            Form::Date | Form::DateTime => "datetime",
            Form::Duration => "duration",
            Form::Ipv4 | Form::Ipv6 => "ipaddr",
            Form::Decimal => "decimal",
        }
    }

    /// Whether the Cedar value is the string itself.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.form, Form::Plain | Form::Uri)
    }

    /// Checks and converts a string.
    pub(crate) fn value<'a>(&self, text: &'a str) -> Result<ArgumentValue<'a>, Unfit> {
        let length = || text.chars().count();
        if let Some(min) = self.min.filter(|min| length() < *min) {
            return Err(Unfit::schema(format!("a string of {min} or more characters")));
        }
        if let Some(max) = self.max.filter(|max| length() > *max) {
            return Err(Unfit::schema(format!("a string of up to {max} characters")));
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            return Err(Unfit::schema("a string that matches its pattern"));
        }
        let known = |values: &Vec<String>| values.iter().any(|value| value == text);
        if !self.values.as_ref().is_none_or(known) {
            return Err(Unfit::schema("one of its declared values"));
        }
        self.form.value(text)
    }
}

impl Form {
    fn read(format: Option<&str>) -> Self {
        match format {
            Some("date") => Self::Date,
            Some("date-time") => Self::DateTime,
            Some("duration") => Self::Duration,
            Some("ipv4") => Self::Ipv4,
            Some("ipv6") => Self::Ipv6,
            Some("decimal") => Self::Decimal,
            // Only the gate's own schemas have it.
            Some(URI_FORMAT) => Self::Uri,
            Some(_) | None => Self::Plain,
        }
    }

    /// Converts the string to the input of a Cedar constructor. The constructor must accept it,
    /// because it errs only when a policy is evaluated.
    fn value(self, text: &str) -> Result<ArgumentValue<'_>, Unfit> {
        let inexact = || Unfit::inexact(self.words());
        let timed = |extension: Extension, time: Result<String, NoTime>| match time {
            Ok(time) => extension.of(&time).map(ArgumentValue::Extension).ok_or_else(inexact),
            Err(NoTime::Inexact) => Err(inexact()),
            Err(NoTime::Invalid) => Err(Unfit::schema(self.words())),
        };
        match self {
            Self::Plain => Ok(ArgumentValue::Text(text.into())),
            Self::Uri => match uri::ambiguity(text) {
                None => Ok(ArgumentValue::Text(text.into())),
                Some(problem) => Err(Unfit::schema(format!("{} {problem}", self.words()))),
            },
            Self::Decimal => number::decimal(text).map(ArgumentValue::Decimal),
            Self::Date => timed(Extension::Datetime, time::date(text)),
            Self::DateTime => timed(Extension::Datetime, time::date_time(text)),
            Self::Duration => timed(Extension::Duration, time::duration(text)),
            Self::Ipv4 | Self::Ipv6 => {
                let address = self.address(text).ok_or_else(|| Unfit::schema(self.words()))?;
                // For a tool `::ffff:127.0.0.1` is the loopback address; for Cedar it is not.
                let distinct = address == address.to_canonical();
                let value = distinct.then(|| Extension::Ip.of(&in_groups(address))).flatten();
                value.map(ArgumentValue::Extension).ok_or_else(inexact)
            }
        }
    }

    fn address(self, text: &str) -> Option<IpAddr> {
        if self == Self::Ipv4 {
            text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
        } else {
            text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Plain => "a string",
            Self::Uri => "a URI",
            Self::Date => "a date such as 2026-11-21",
            Self::DateTime => {
                "a date and time in milliseconds with an offset, such as 2026-11-21T10:00:00Z"
            }
            Self::Duration => "a duration in days or smaller units, such as P1DT12H",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Decimal => "a decimal number in plain notation with at most 4 fractional digits",
        }
    }
}

/// Cedar does not parse the dotted notation in which some IPv6 addresses are displayed.
fn in_groups(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.segments().map(|group| format!("{group:x}")).join(":"),
    }
}

/// Parses a keyword whose value is a count.
pub(crate) fn count(
    schema: &Map<String, Value>,
    keyword: &'static str,
) -> Result<Option<usize>, &'static str> {
    let Some(value) = schema.get(keyword) else {
        return Ok(None);
    };
    let count = value.as_u64().ok_or(keyword)?;
    // A count that exceeds a 32-bit `usize` also exceeds the length of every argument.
    Ok(Some(usize::try_from(count).unwrap_or(usize::MAX)))
}
