//! Cross-origin requests of browsers: the policy of Envoy's `cors` filter.

use std::str::FromStr;

use super::template::{Values, fill, scalar};

/// The filter, which comes first: a preflight has no token.
pub(super) const FILTER: &str = include_str!("cors_filter.yaml");

/// The pages that may call.
#[derive(Debug, clap::Args)]
pub(super) struct Cors {
    /// A web page's origin whose scripts may call, such as `https://app.acme.example`; may occur
    /// several times
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    origins: Vec<Origin>,
}

impl Cors {
    pub(super) fn is_wanted(&self) -> bool {
        !self.origins.is_empty()
    }

    /// What Envoy's virtual host has for the filter. Pages may send these further headers.
    pub(super) fn policy<'a>(&self, further: impl Iterator<Item = &'a str>) -> String {
        let allowed: Vec<&str> = std::iter::once(ALLOWED).chain(further).collect();
        self.fill(include_str!("cors_policy.yaml"), "exact: ", &allowed.join(", "))
    }

    /// What Envoy Gateway's `SecurityPolicy` has; nothing without origins.
    pub(super) fn security_policy(&self) -> String {
        if self.is_wanted() {
            self.fill(include_str!("envoy_gateway_cors.yaml"), "", ALLOWED)
        } else {
            String::new()
        }
    }

    fn fill(&self, template: &str, key: &str, allowed: &str) -> String {
        let origins = self.origins.iter().map(|Origin(text)| format!("- {key}{}\n", scalar(text)));
        let values: &Values<'_> = &[
            ("origins", origins.collect()),
            ("methods", METHODS.to_owned()),
            ("allowed", allowed.to_owned()),
            ("exposed", EXPOSED.to_owned()),
        ];
        fill(template, values)
    }
}

const METHODS: &str = "GET, POST, DELETE";
/// The headers of MCP, besides `Mcp-Param-*`.
const ALLOWED: &str = "authorization, content-type, accept, last-event-id, mcp-protocol-version, \
                       mcp-session-id, mcp-method, mcp-name";
const EXPOSED: &str = "mcp-session-id, www-authenticate, toolgate-decision";

/// An origin, as browsers send it.
#[derive(Clone, Debug)]
pub(super) struct Origin(String);

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
