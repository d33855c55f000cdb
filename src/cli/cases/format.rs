//! The form of a test file.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::Expect;
use crate::cli::report::{Place, Problem, SourceFile};
use crate::cli::yaml::{self, Places};
use crate::exchange::Arrival;
use crate::head::Head;
use crate::identity::Attested;

/// When a case that names no time takes place: 2026-01-01T12:00:00Z.
const NOON: i64 = 1_767_268_800;

/// One test file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Who may ask, by a name that only this file knows.
    #[serde(default)]
    pub identities: BTreeMap<String, Identity>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// What the proxy has verified about somebody.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Payloads of verified tokens, by the name under which Envoy leaves them.
    #[serde(default)]
    pub tokens: BTreeMap<String, Value>,
    /// The SPIFFE id of the verified peer certificate.
    #[serde(default)]
    pub spiffe: Option<String>,
}

impl Identity {
    /// The identity as the gate takes it.
    pub fn attested(&self) -> Attested {
        Attested { tokens: self.tokens.clone(), spiffe_id: self.spiffe.clone() }
    }
}

/// One request, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows, in words.
    pub name: String,
    /// Who asks; nobody when absent.
    #[serde(default, rename = "as")]
    pub identity: Option<String>,
    /// A tool call in the usual form.
    #[serde(default)]
    pub call: Option<Call>,
    /// Any other request.
    #[serde(default)]
    pub request: Option<RawRequest>,
    /// When it arrives.
    #[serde(default, deserialize_with = "time")]
    pub time: Option<DateTime<Utc>>,
    /// What must come of it.
    pub expect: Expect,
}

/// A tool call as a current client sends it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The path of the channel.
    pub path: String,
    /// The authority.
    #[serde(default = "authority")]
    pub authority: String,
    /// The tool's name as the server knows it.
    pub tool: String,
    /// The arguments.
    #[serde(default)]
    pub arguments: Option<Value>,
}

/// An HTTP request as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRequest {
    /// The HTTP method.
    #[serde(default = "post")]
    pub method: String,
    /// The path, query included.
    pub path: String,
    /// The authority.
    #[serde(default = "authority")]
    pub authority: String,
    /// Header fields; a field with a list occurs once for each element.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
    /// The body as text.
    #[serde(default)]
    pub body: Option<String>,
    /// The body as bytes.
    #[serde(default)]
    pub body_base64: Option<Body>,
    /// The body as a value, written as JSON.
    #[serde(default)]
    pub json: Option<Value>,
}

/// The values of one header field.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// The field occurs once.
    One(String),
    /// The field occurs once for each.
    Many(Vec<String>),
}

/// Bytes, in base64.
#[derive(Clone, Debug)]
pub struct Body(pub Vec<u8>);

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("this is not base64"))
    }
}

fn post() -> String {
    "POST".to_owned()
}

fn authority() -> String {
    "tools.example".to_owned()
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = DateTime::parse_from_rfc3339(&text);
    time.map(|time| Some(time.to_utc())).map_err(|_| {
        de::Error::custom(format!("`{text}` is not a time: write it like `2026-01-31T12:00:00Z`"))
    })
}

/// Reads a test file.
///
/// # Errors
///
/// It is no YAML of this form, or a case refers to an identity that is not there.
pub fn read(file: &Rc<SourceFile>) -> Result<CaseFile, Vec<Problem>> {
    let read: CaseFile = yaml::read(file).map_err(|problem| vec![problem])?;
    let places = Places::of(file);
    let mut names = BTreeSet::new();
    let mut problems = Vec::new();
    for (position, case) in read.cases.iter().enumerate() {
        let mut problem = |key: &str, message: String| {
            let span = places.find(&format!("cases.{position}.{key}"));
            let place = span.map_or_else(|| Place::whole(file), |span| Place::at(file, span));
            problems.push(Problem::at(place, message));
        };
        if !names.insert(&case.name) {
            problem("name", format!("another case of this file is named `{}`", case.name));
        }
        if let Some(name) = case.identity.as_ref().filter(|name| !read.identities.contains_key(*name)) {
            problem("as", format!("`{name}` is not in `identities`"));
        }
        if let Err(message) = case.check() {
            problem("name", message.to_owned());
        }
    }
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

impl Case {
    fn check(&self) -> Result<(), &'static str> {
        match (&self.call, &self.request) {
            (Some(_), None) => Ok(()),
            (None, Some(request)) => {
                let bodies = [request.body.is_some(), request.body_base64.is_some(), request.json.is_some()];
                let bodies = bodies.iter().filter(|given| **given).count();
                if bodies > 1 { Err("a request has one of `body`, `body_base64` and `json`") } else { Ok(()) }
            }
            (None, None) | (Some(_), Some(_)) => Err("a case has either a `call` or a `request`"),
        }
    }

    /// The request that the case makes, with its body.
    pub fn arrival(&self, identity: Option<&Identity>) -> (Arrival, Vec<u8>) {
        let (head, body) = match (&self.call, &self.request) {
            (Some(call), _) => call.http(),
            (None, Some(request)) => request.http(),
            (None, None) => (Head::default(), Vec::new()),
        };
        let arrival = Arrival {
            head,
            attested: identity.map(Identity::attested).unwrap_or_default(),
            source_ip: None,
            time: self.time.or_else(|| DateTime::from_timestamp(NOON, 0)).unwrap_or_default(),
            entropy: 0,
        };
        (arrival, body)
    }
}

impl Call {
    /// The call as an HTTP request of MCP 2025-11-25.
    pub fn http(&self) -> (Head, Vec<u8>) {
        let mut params = json!({ "name": self.tool });
        if let (Some(params), Some(arguments)) = (params.as_object_mut(), &self.arguments) {
            params.insert("arguments".to_owned(), arguments.clone());
        }
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let fields = [
            (":method", "POST"),
            (":path", &self.path),
            (":authority", &self.authority),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2025-11-25"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        (Head::new(fields.into()), message.to_string().into_bytes())
    }
}

impl RawRequest {
    /// The request's head and body.
    pub fn http(&self) -> (Head, Vec<u8>) {
        let pseudo =
            [(":method", &self.method), (":path", &self.path), (":authority", &self.authority)];
        let mut fields: Vec<(String, Vec<u8>)> = pseudo
            .map(|(name, value)| (name.to_owned(), value.clone().into_bytes()))
            .into();
        for (name, values) in &self.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            // Envoy hands names over in lower case.
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
