//! Who approves: what a proxy has verified, or the person of the command line.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::HeaderMap;
use serde_json::Value;

use super::settings::{Claims, Settings, Source, claims};

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(super) struct Approver {
    pub(super) claims: Claims,
    /// What the page shows.
    pub(super) name: String,
}

impl Approver {
    /// Who sends a request.
    ///
    /// # Errors
    ///
    /// Why it is not known, in a sentence.
    pub(super) fn of(headers: &HeaderMap, settings: &Settings) -> Result<Self, String> {
        let claims = match &settings.approver {
            Source::Fixed(claims) => claims.clone(),
            Source::Header(name) => {
                let mut values = headers.get_all(name).iter();
                match (values.next(), values.next()) {
                    (Some(value), None) => read(value.as_bytes())?,
                    (Some(_), Some(_)) => return Err(format!("`{name}` occurs twice")),
                    (None, _) => return Err(format!("there is no header `{name}`")),
                }
            }
        };
        let claim = &settings.approver_claim;
        let name = claims.get(claim).and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("the claims have no text `{claim}`"))?.to_owned();
        Ok(Self { claims, name })
    }

    /// The names by which requests may call this person.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let sub = self.claims.get("sub").and_then(Value::as_str);
        sub.into_iter().chain([self.name.as_str()])
    }
}

/// Proxies differ about padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

fn read(value: &[u8]) -> Result<Claims, String> {
    let decoded;
    let bytes = if value.trim_ascii_start().starts_with(b"{") {
        value
    } else {
        decoded = GeneralPurpose::new(&URL_SAFE, LENIENT).decode(value).map_err(|_| {
            "the header has neither a JSON object nor the base64url of one".to_owned()
        })?;
        &decoded
    };
    claims(str::from_utf8(bytes).map_err(|_| "the claims are no UTF-8".to_owned())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_json_or_the_payload_of_a_jwt() {
        for (value, name) in [
            (r#"{"sub":"carol"}"#, Some("carol")),
            ("eyJzdWIiOiJjYXJvbCJ9", Some("carol")),
            ("eyJzdWIiOiJjYXJvbCIgfQ==", Some("carol")),
            ("eyJzdWIiOiJjYXJvbCIgfQ", Some("carol")),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYXJvbCJ9.", None),
            (r#"{"sub":"carol","sub":"dave"}"#, None),
            ("carol", None),
            ("[]", None),
            ("", None),
        ] {
            let read = read(value.as_bytes()).ok();
            let sub = read.as_ref().and_then(|claims| claims.get("sub")).and_then(Value::as_str);
            assert_eq!(sub, name, "{value}");
        }
        let long = format!(r#"{{"sub":"{}"}}"#, "a".repeat(4_000));
        assert!(read(long.as_bytes()).is_err());
    }
}
