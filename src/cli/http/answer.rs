//! Requests, and responses to them.

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json;

/// A request with its whole body.
pub(in crate::cli) type Request = hyper::Request<Vec<u8>>;

/// A response.
pub(in crate::cli) type Response = hyper::Response<Full<Bytes>>;

/// Why a request is not carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct Refused {
    /// The status of the response.
    pub(in crate::cli) status: u16,
    /// What is wrong.
    pub(in crate::cli) detail: String,
}

impl Refused {
    /// A refusal with this status.
    pub(in crate::cli) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// The response.
    pub(in crate::cli) fn answer(&self) -> Response {
        problem(self.status, &self.detail)
    }
}

/// JSON.
pub(in crate::cli) fn json(status: u16, value: &impl Serialize) -> Response {
    // What services answer are structures, whose serialization cannot fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    of(status, "application/json", text)
}

/// A refusal as of RFC 9457.
pub(in crate::cli) fn problem(status: u16, detail: &str) -> Response {
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let members = serde_json::json!({
        "type": "about:blank",
        "title": title.unwrap_or_default(),
        "status": status,
        "detail": detail,
    });
    of(status, "application/problem+json", members.to_string())
}

/// The same response with a header field. A value that no header can have is left out.
pub(in crate::cli) fn with_header(
    mut response: Response,
    name: &'static str,
    value: &str,
) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// Whether the headers say that the body is JSON.
fn has_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// The body as a structure. A member that occurs twice is refused: readers differ about it.
pub(in crate::cli) fn json_body<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    if !has_json(request.headers()) {
        return Err(Refused::new(400, "the body must be `application/json`"));
    }
    let text =
        str::from_utf8(request.body()).map_err(|_| Refused::new(400, "the body is no UTF-8"))?;
    let read = json::unique(text).and_then(|()| serde_json::from_str(text));
    read.map_err(|error| Refused::new(400, format!("the body cannot be read: {error}")))
}

fn of(status: u16, kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let response = with_header(response, "content-type", kind);
    with_header(response, "cache-control", "no-store")
}
