//! The request of a case: a tool call in the usual form, or any HTTP request.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::call::Call;

use crate::exchange::Arrival;
use crate::head::Head;
use crate::identity::{Attested, Certificate};

/// Default time of arrival: 2026-01-01T12:00:00Z.
const NOON: i64 = 1_767_268_800;

/// A request: exactly one of `call` and `request`.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// A call.
    pub call: Option<&'a Call>,
    /// Any request.
    pub request: Option<&'a RawRequest>,
    /// The time of arrival.
    pub time: Option<DateTime<Utc>>,
    /// The source address.
    pub source_ip: Option<IpAddr>,
}

/// The verified claims and certificate of a caller.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Payloads of verified tokens, by the name under which Envoy stores them.
    #[serde(default)]
    pub tokens: BTreeMap<String, Value>,
    /// The URIs of the verified peer certificate; a test file has the SPIFFE id, or a list.
    #[serde(default, deserialize_with = "uris")]
    pub spiffe: Option<Vec<String>>,
}

impl Identity {
    /// The identity as input of the gate.
    pub fn attested(&self) -> Attested {
        let peer = self.spiffe.clone().map(Certificate::Uris);
        Attested { tokens: self.tokens.clone(), peer }
    }
}

/// A raw HTTP request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRequest {
    /// The HTTP method.
    #[serde(default = "post")]
    pub method: String,
    /// The path including the query.
    pub path: String,
    /// The authority.
    #[serde(default = "super::call::authority")]
    pub authority: String,
    /// Header fields; a field with a list occurs once per element.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
    /// The body as text.
    #[serde(default)]
    pub body: Option<String>,
    /// The body as bytes.
    #[serde(default)]
    pub body_base64: Option<Body>,
    /// The body as a value, serialized as JSON.
    #[serde(default)]
    pub json: Option<Value>,
}

/// The values of one header field.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// The field occurs once.
    One(String),
    /// The field occurs once per value.
    Many(Vec<String>),
}

/// Bytes encoded as base64.
#[derive(Clone, Debug)]
pub struct Body(pub Vec<u8>);

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("this is not base64"))
    }
}

pub(crate) fn uris<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let uris = Option::<Values>::deserialize(deserializer)?;
    Ok(uris.map(|uris| match uris {
        Values::One(uri) => vec![uri],
        Values::Many(uris) => uris,
    }))
}

fn post() -> String {
    "POST".to_owned()
}

/// Parses an RFC 3339 time.
pub(crate) fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = DateTime::parse_from_rfc3339(&text);
    time.map(|time| Some(time.to_utc())).map_err(|_| {
        de::Error::custom(format!("`{text}` is not a time: write it like `2026-01-31T12:00:00Z`"))
    })
}

impl Sent<'_> {
    /// Checks the request as written in the test file.
    pub fn check(&self) -> Result<(), &'static str> {
        match (self.call, self.request) {
            (None, Some(request)) if request.bodies() > 1 => {
                Err("a request has one of `body`, `body_base64` and `json`")
            }
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (None, None) | (Some(_), Some(_)) => Err("there is one of `call` and `request`"),
        }
    }

    /// The time of arrival.
    pub fn time(&self) -> DateTime<Utc> {
        self.time.or_else(|| DateTime::from_timestamp(NOON, 0)).unwrap_or_default()
    }

    /// The request as it arrives from this identity, with its body.
    pub fn arrival(&self, identity: Option<&Identity>) -> (Arrival, Vec<u8>) {
        let (head, body) = match (self.call, self.request) {
            (Some(call), _) => call.http(),
            (None, Some(request)) => request.http(),
            (None, None) => (Head::default(), Vec::new()),
        };
        let arrival = Arrival {
            head,
            evidence: Ok(identity.map(Identity::attested).unwrap_or_default().into()),
            source_ip: self.source_ip,
            time: self.time(),
            entropy: 0,
            changed: Arc::default(),
            approval: None,
        };
        (arrival, body)
    }
}

impl RawRequest {
    fn bodies(&self) -> usize {
        let given = [self.body.is_some(), self.body_base64.is_some(), self.json.is_some()];
        given.into_iter().filter(|given| *given).count()
    }

    /// The request's head and body.
    pub fn http(&self) -> (Head, Vec<u8>) {
        let pseudo =
            [(":method", &self.method), (":path", &self.path), (":authority", &self.authority)];
        let mut fields: Vec<(String, Vec<u8>)> =
            pseudo.map(|(name, value)| (name.to_owned(), value.clone().into_bytes())).into();
        for (name, values) in &self.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            // Envoy passes field names in lower case.
            let name = name.to_ascii_lowercase();
            fields.extend(values.iter().map(|value| (name.clone(), value.clone().into_bytes())));
        }
        let body = match (&self.body, &self.body_base64, &self.json) {
            (Some(text), _, _) => text.clone().into_bytes(),
            (None, Some(body), _) => body.0.clone(),
            (None, None, Some(value)) => value.to_string().into_bytes(),
            (None, None, None) => Vec::new(),
        };
        (Head::new(fields), body)
    }
}
