//! Cross-origin requests of browsers: the policy of Envoy's `cors` filter.

use std::str::FromStr;

use super::template::{Values, fill, scalar};

/// The filter, which comes first: a preflight has no token.
pub(super) const FILTER: &str = include_str!("cors_filter.yaml");

/// An origin, as browsers send it.
#[derive(Clone, Debug)]
pub(super) struct Origin(String);

impl Origin {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, host) = text.split_once("://").unwrap_or_default();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:[]".contains(&b);
        let fits = !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'+')
            && !host.is_empty()
            && host.bytes().all(plain);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not an origin: write `https://HOST` or `http://HOST:PORT`, in lower case"
            ))
        }
    }
}

/// What the virtual host has for the filter; nothing without origins.
pub(super) fn policy(origins: &[Origin]) -> String {
    if origins.is_empty() {
        return String::new();
    }
    let exact = origins.iter().map(|origin| format!("- exact: {}\n", scalar(origin.as_str())));
    let values: &Values<'_> = &[("origins", exact.collect())];
    fill(include_str!("cors_policy.yaml"), values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact() {
        for text in ["https://app.example", "http://localhost:6274", "http://[::1]:80"] {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in [
            "*",
            "null",
            "https://*",
            "https://a/",
            "app.example",
            "https://A.example",
            "https://a\n",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
