//! The strings of an argument, as example values and as Cedar conditions.

use std::net::IpAddr;

use chrono::SecondsFormat;
use regex::Regex;

use super::assumptions::quoted;
use super::{examples, pattern, time};
use crate::tool::text::{Form, Text};

/// The maximum length of generated strings.
const LONGEST_SAMPLE: usize = 1000;

impl Text {
    /// Some strings that the argument accepts.
    pub(super) fn samples(&self) -> Vec<String> {
        let named = self.values.iter().flatten().cloned();
        let pattern = self.pattern.as_ref().and_then(|regex| examples::matching(regex.as_str()));
        let mut long = self.form.sample().to_owned();
        while long.chars().count() < self.min.unwrap_or(0).min(LONGEST_SAMPLE) {
            long.push_str(self.form.sample());
        }
        let long = long.chars().take(self.max.unwrap_or(usize::MAX)).collect();
        let samples = named.chain(pattern).chain([long]);
        samples.filter(|sample| self.value(sample).is_ok()).collect()
    }

    /// Cedar conditions for all accepted strings.
    pub(super) fn conditions(&self, path: &str) -> Vec<String> {
        if !self.is_plain() {
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

    /// The string that policies see as `value`, or another accepted string if the tool does not
    /// accept that one.
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
    fn sample(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Uri => "text:text",
            Self::Date => "2026-01-31",
            Self::DateTime => "2026-01-31T12:00:00Z",
            Self::Duration => "P1D",
            Self::Ipv4 => "192.0.2.1",
            Self::Ipv6 => "2001:db8::1",
            Self::Decimal => "1.5",
        }
    }

    /// The JSON spelling of a value in Cedar's spelling.
    fn written(self, value: &str) -> Option<String> {
        match self {
            Self::Plain | Self::Uri => Some(value.to_owned()),
            Self::Date => Some(time::instant(value)?.format("%Y-%m-%d").to_string()),
            Self::DateTime => {
                Some(time::instant(value)?.to_rfc3339_opts(SecondsFormat::Millis, true))
            }
            Self::Duration => time::span(value),
            Self::Ipv4 | Self::Ipv6 => Some(address(value)?.to_string()),
            Self::Decimal => {
                Some(value.strip_prefix("decimal(\"")?.strip_suffix("\")")?.to_owned())
            }
        }
    }
}

/// The address of a Cedar value that is a single address.
fn address(value: &str) -> Option<IpAddr> {
    let text = value.strip_prefix("ip(\"")?.strip_suffix("\")")?;
    let (address, width) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { "32" } else { "128" };
    (width.is_empty() || width == whole).then_some(address)
}
