//! Strings, and what JSON writes as a string for want of a type.

#[cfg(feature = "cli")]
use std::net::IpAddr;
use std::net::{Ipv4Addr, Ipv6Addr};

use regex::Regex;
use serde_json::{Map, Value};

#[cfg(feature = "cli")]
use super::condition::quoted;
#[cfg(feature = "cli")]
use super::{example, pattern};
use super::{number, time};
use crate::policy::ArgumentValue;
use crate::policy::value::Extension;

/// The longest string that is made up.
#[cfg(feature = "cli")]
const LONGEST_SAMPLE: usize = 1000;

/// The strings that an argument may be.
#[derive(Clone, Debug)]
pub(super) struct Text {
    form: Form,
    min: Option<usize>,
    max: Option<usize>,
    pattern: Option<Regex>,
    values: Option<Vec<String>>,
}

/// What a string stands for.
#[derive(Clone, Copy, Debug)]
enum Form {
    Plain,
    Date,
    DateTime,
    Duration,
    Ipv4,
    Ipv6,
    Decimal,
}

impl Text {
    /// Reads the keywords of a schema that apply to strings; `values` is its `const`.
    ///
    /// The error is the keyword that cannot be read, the second part of the result one that cannot
    /// be enforced.
    pub(super) fn read(
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
        let pattern = written.and_then(regex);
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

    /// The Cedar type of the values.
    pub(super) fn cedar_type(&self) -> &'static str {
        match self.form {
            Form::Plain => "String",
            Form::Date | Form::DateTime => "datetime",
            Form::Duration => "duration",
            Form::Ipv4 | Form::Ipv6 => "ipaddr",
            Form::Decimal => "decimal",
        }
    }

    /// Whether policies see the string itself.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.form, Form::Plain)
    }

    /// Checks a string and converts it; the error says what it must be.
    pub(super) fn value<'a>(&self, text: &'a str) -> Result<ArgumentValue<'a>, String> {
        let length = || text.chars().count();
        if let Some(min) = self.min.filter(|min| length() < *min) {
            return Err(format!("a string of {min} or more characters"));
        }
        if let Some(max) = self.max.filter(|max| length() > *max) {
            return Err(format!("a string of up to {max} characters"));
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            return Err("a string that matches its pattern".to_owned());
        }
        let known = |values: &Vec<String>| values.iter().any(|value| value == text);
        if !self.values.as_ref().is_none_or(known) {
            return Err("one of its declared values".to_owned());
        }
        self.form.value(text).ok_or_else(|| self.form.words().to_owned())
    }

    /// Some strings that the argument may be.
    #[cfg(feature = "cli")]
    pub(super) fn samples(&self) -> Vec<String> {
        let named = self.values.iter().flatten().cloned();
        let pattern = self.pattern.as_ref().and_then(|regex| example::matching(regex.as_str()));
        let mut long = self.form.sample().to_owned();
        while long.chars().count() < self.min.unwrap_or(0).min(LONGEST_SAMPLE) {
            long.push_str(self.form.sample());
        }
        let long = long.chars().take(self.max.unwrap_or(usize::MAX)).collect();
        let samples = named.chain(pattern).chain([long]);
        samples.filter(|sample| self.value(sample).is_ok()).collect()
    }

    /// What holds for every string, in Cedar's words.
    #[cfg(feature = "cli")]
    pub(super) fn conditions(&self, path: &str) -> Vec<String> {
        if !matches!(self.form, Form::Plain) {
            return Vec::new();
        }
        let values = self.values.iter().filter(|values| !values.is_empty()).map(|values| {
            let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
            format!("[{}].contains({path})", values.join(", "))
        });
        let some = self.min.filter(|min| *min > 0).map(|_| format!("{path} != \"\""));
        let like = self.pattern.as_ref().and_then(|pattern| pattern::like(pattern.as_str()));
        let like = like.map(|like| format!("{path} like \"{like}\""));
        values.chain(some).chain(like).collect()
    }

    /// The string that policies see as `value`, or, where the tool takes no such string, some other
    /// one that it takes.
    #[cfg(feature = "cli")]
    pub(super) fn written(&self, value: &str) -> Option<String> {
        let fits = |text: &String| self.value(text).is_ok();
        let as_asked = self.form.written(value);
        if let Some(fitting) = as_asked.iter().find(|text| fits(text)) {
            return Some(fitting.clone());
        }
        let pattern = self.pattern.iter().map(Regex::as_str);
        let near = pattern.flat_map(|pattern| pattern::near(value, pattern));
        near.chain(self.samples()).find(fits)
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
            Some(_) | None => Self::Plain,
        }
    }

    /// What is written here must be what Cedar's constructors read: they do not fail before a
    /// policy is evaluated.
    fn value(self, text: &str) -> Option<ArgumentValue<'_>> {
        let value = match self {
            Self::Plain => return Some(ArgumentValue::Text(text.into())),
            Self::Decimal => {
                return number::decimal(text, usize::MAX).ok().map(ArgumentValue::Decimal);
            }
            Self::Date => time::date(text).and_then(|text| Extension::Datetime.of(&text)),
            Self::DateTime => time::date_time(text).and_then(|text| Extension::Datetime.of(&text)),
            Self::Duration => time::duration(text).and_then(|text| Extension::Duration.of(&text)),
            Self::Ipv4 => {
                let address: Ipv4Addr = text.parse().ok()?;
                Extension::Ip.of(&address.to_string())
            }
            Self::Ipv6 => {
                let address: Ipv6Addr = text.parse().ok()?;
                // `::ffff:127.0.0.1` is the loopback address to a tool, and not to Cedar.
                if address.to_ipv4_mapped().is_some() {
                    return None;
                }
                // Cedar does not read the dotted form that some addresses are displayed in.
                let groups = address.segments().map(|group| format!("{group:x}"));
                Extension::Ip.of(&groups.join(":"))
            }
        };
        value.map(ArgumentValue::Extension)
    }

    #[cfg(feature = "cli")]
    fn sample(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Date => "2026-01-31",
            Self::DateTime => "2026-01-31T12:00:00Z",
            Self::Duration => "P1D",
            Self::Ipv4 => "192.0.2.1",
            Self::Ipv6 => "2001:db8::1",
            Self::Decimal => "1.5",
        }
    }

    /// How JSON writes a value that Cedar writes like this.
    #[cfg(feature = "cli")]
    fn written(self, value: &str) -> Option<String> {
        match self {
            Self::Plain => Some(value.to_owned()),
            Self::Date => Some(time::instant(value)?.format("%Y-%m-%d").to_string()),
            Self::DateTime => {
                Some(time::instant(value)?.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
            }
            Self::Duration => time::span(value),
            Self::Ipv4 | Self::Ipv6 => Some(address(value)?.to_string()),
            Self::Decimal => {
                Some(value.strip_prefix("decimal(\"")?.strip_suffix("\")")?.to_owned())
            }
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Plain => "a string",
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

/// The address of a Cedar value that is a single one.
#[cfg(feature = "cli")]
fn address(value: &str) -> Option<IpAddr> {
    let text = value.strip_prefix("ip(\"")?.strip_suffix("\")")?;
    let (address, width) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { "32" } else { "128" };
    (width.is_empty() || width == whole).then_some(address)
}

/// Compiles a pattern, unless it would mean something else here than in JSON Schema.
///
/// Its dialect is ECMAScript's, which has more than a linear-time engine can do, no arithmetic of
/// sets, and classes of ASCII letters and digits.
fn regex(pattern: &str) -> Option<Regex> {
    let sets = ["&&", "--", "~~", "[["];
    let differs = sets.iter().any(|operator| pattern.contains(operator));
    Regex::new(&in_ascii(pattern)?).ok().filter(|_| !differs)
}

/// White space of ECMAScript.
const SPACE: &str = r"[\t\n\x0B\x0C\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}]";

/// Spells out the classes that are of ASCII in ECMAScript. In a set, `\b` is a backspace there.
fn in_ascii(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let (mut in_set, mut rest) = (false, pattern.chars());
    while let Some(next) = rest.next() {
        match (next, in_set) {
            ('.', false) => text.push_str(r"[^\n\r\x{2028}\x{2029}]"),
            ('\\', _) => match (rest.next()?, in_set) {
                ('d', _) => text.push_str("[0-9]"),
                ('D', _) => text.push_str("[^0-9]"),
                ('w', _) => text.push_str("[0-9A-Za-z_]"),
                ('W', _) => text.push_str("[^0-9A-Za-z_]"),
                ('b' | 'B', true) | ('S', _) => return None,
                ('b', false) => text.push_str(r"(?-u:\b)"),
                ('B', false) => text.push_str(r"(?-u:\B)"),
                ('s', _) => text.push_str(SPACE),
                (other, _) if other.is_ascii_alphabetic() && !"fnrtuvxpP".contains(other) => {
                    return None;
                }
                (other, _) => text.extend(['\\', other]),
            },
            (other, _) => {
                in_set = if in_set { other != ']' } else { other == '[' };
                text.push(other);
            }
        }
    }
    Some(text)
}

/// Reads a keyword whose value is a count.
pub(super) fn count(
    schema: &Map<String, Value>,
    keyword: &'static str,
) -> Result<Option<usize>, &'static str> {
    let Some(value) = schema.get(keyword) else {
        return Ok(None);
    };
    let count = value.as_u64().ok_or(keyword)?;
    // Where sizes have 32 bits, no argument is as long as what does not fit.
    Ok(Some(usize::try_from(count).unwrap_or(usize::MAX)))
}
