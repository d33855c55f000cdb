//! `assertion` in `bundle.yaml`: what is asserted to servers.

use serde::{Deserialize, Serialize};

use super::Issuer;
use crate::json;
use crate::memory::{Millis, Span};

/// The `assertion` section. Its presence turns assertions on.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AssertionSettings {
    /// How long an assertion is valid.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<Validity>,
}

/// How long an assertion is valid, at most five minutes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(try_from = "Span", into = "Span")]
pub struct Validity(Span);

const LONGEST: Millis = 5 * 60 * 1000;

/// Enough for a call that waits for its server, and little for whoever finds one.
const USUAL_SECONDS: i64 = 30;

impl TryFrom<Span> for Validity {
    type Error = String;

    fn try_from(span: Span) -> Result<Self, Self::Error> {
        if span.millis() <= LONGEST {
            Ok(Self(span))
        } else {
            Err(format!("`{}` is longer than five minutes", String::from(span)))
        }
    }
}

impl From<Validity> for Span {
    fn from(Validity(span): Validity) -> Self {
        span
    }
}

/// What a loaded bundle asserts.
#[derive(Clone, Debug)]
pub(crate) struct Asserting {
    /// The gate.
    pub(crate) issuer: Issuer,
    /// How long it holds, in seconds.
    pub(crate) seconds: i64,
}

impl Asserting {
    /// What the section says, in the name of this issuer.
    pub(super) fn of(settings: &AssertionSettings, issuer: &Issuer) -> Self {
        let seconds = |Validity(span)| i64::try_from(span.millis() / 1000).ok();
        let seconds = settings.valid_for.and_then(seconds).unwrap_or(USUAL_SECONDS);
        Self { issuer: issuer.clone(), seconds }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::bundle::{self, Bundle, Document};
    use crate::fixture;

    /// The fixture with these members of its manifest, or why there is none.
    fn loaded(members: &Value) -> Result<Bundle, String> {
        let mut document = fixture::document_json();
        for (name, value) in members.as_object().unwrap() {
            document["manifest"][name] = value.clone();
        }
        let document: Document = serde_json::from_value(document).map_err(|it| it.to_string())?;
        let loaded = bundle::load(&document).map_err(|findings| findings[0].to_string())?;
        Ok(loaded.bundle)
    }

    const GATE: &str = "https://gate.acme.example";

    #[test]
    fn a_bundle_asserts_if_it_says_so() {
        for (section, seconds) in [(json!({}), 30), (json!({ "valid_for": "2m" }), 120)] {
            let bundle = loaded(&json!({ "issuer": GATE, "assertion": section })).unwrap();
            let asserting = bundle.asserting.as_ref().unwrap();
            assert_eq!((asserting.issuer.as_str(), asserting.seconds), (GATE, seconds));
            assert_eq!(bundle.audience("pay"), "pay");
        }
        assert!(!loaded(&json!({ "issuer": GATE })).unwrap().asserts());
        let shadow = json!({ "issuer": GATE, "assertion": {}, "mode": "shadow" });
        assert!(!loaded(&shadow).unwrap().asserts());
    }

    #[test]
    fn what_cannot_be_asserted_is_an_error() {
        for (members, message) in [
            (json!({ "assertion": {} }), "give the gate a name with `issuer`"),
            (json!({ "issuer": GATE, "assertion": null }), "invalid type"),
            (json!({ "issuer": GATE, "assertion": { "valid_for": "6m" } }), "five minutes"),
            (json!({ "issuer": GATE, "assertion": { "valid_for": "0s" } }), "second"),
            (json!({ "issuer": GATE, "assertion": { "for": "1m" } }), "unknown field"),
        ] {
            let error = loaded(&members).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_server_has_the_audience_that_it_is_given() {
        let servers = |audience: &str| {
            let mut servers = fixture::document_json()["manifest"]["servers"].clone();
            servers["pay"]["audience"] = json!(audience);
            json!({ "servers": servers })
        };
        let bundle = loaded(&servers("https://pay.acme.example/mcp")).unwrap();
        assert_eq!(bundle.audience("pay"), "https://pay.acme.example/mcp");
        for odd in ["", "two words", "ü", &"x".repeat(257)] {
            assert!(loaded(&servers(odd)).unwrap_err().contains("a name of an audience"), "{odd}");
        }
    }
}
