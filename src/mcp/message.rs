//! Classifies one JSON-RPC message of MCP and refuses ambiguous ones.

use super::error::malformed;
use super::{Id, MessageError, Revision, StandardHeaders};
use crate::json::{Object, Value};

/// The members that a JSON-RPC message may have. The set is closed: a lenient parser upstream could
/// use a `Method` or a `method\u{0}` instead of `method`.
const ROOT: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// The members that `params` of `tools/call` may have, over all revisions.
const CALL_PARAMS: [&str; 6] =
    ["name", "arguments", "_meta", "task", "inputResponses", "requestState"];

/// Members with a meaning in `params` of any method; no other spelling of them is allowed there.
const PROTECTED: [&str; 12] = [
    "name",
    "arguments",
    "_meta",
    "task",
    "inputResponses",
    "requestState",
    "uri",
    "taskId",
    "method",
    "params",
    "id",
    "jsonrpc",
];

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

const REVISION_IN_META: &str = "io.modelcontextprotocol/protocolVersion";

/// One message.
#[derive(Debug)]
pub struct Message<'a> {
    /// The id of a request or a response.
    pub id: Option<Id>,
    /// The kind of the message.
    pub kind: Kind<'a>,
    /// The `_meta` of the params, or of a client's result.
    pub meta: Option<&'a Object<'a>>,
}

/// The kind of a message.
#[derive(Debug)]
pub enum Kind<'a> {
    /// `tools/call`
    Call(Call<'a>),
    /// A request of another method.
    Request {
        /// The method.
        method: &'a str,
        /// The params as sent.
        params: Option<&'a Object<'a>>,
    },
    /// A notification.
    Notification(&'a str),
    /// A client's response to a request from the server.
    Response,
}

/// One `tools/call` request.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The tool's name on the server.
    pub name: &'a str,
    /// The arguments as sent.
    pub arguments: Option<&'a Object<'a>>,
    params: &'a Object<'a>,
}

impl Call<'_> {
    /// Whether the client says that it can have its user open URLs.
    pub fn elicits_urls(&self) -> bool {
        let capabilities = || self.params.get("_meta")?.as_object()?.get(CAPABILITIES)?.as_object();
        let elicitation = || capabilities()?.get("elicitation")?.as_object()?.get("url");
        elicitation().is_some()
    }

    /// Whether it repeats a call with answers to requests for input.
    pub fn has_answers(&self) -> bool {
        self.params.get("inputResponses").is_some()
    }
}

impl<'a> Message<'a> {
    /// Parses one message and checks the standard headers against it.
    pub(super) fn read(
        message: &'a Object<'a>,
        headers: &StandardHeaders,
    ) -> Result<Self, MessageError> {
        let id = id(message)?;
        only(message, &ROOT, "the message")?;
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(malformed("`jsonrpc` is not \"2.0\""));
        }
        let params = object(message, "params")?;
        let method = match message.get("method") {
            Some(Value::String(method)) if !method.is_empty() => Some(&**method),
            Some(_) => return Err(malformed("`method` is not a string")),
            None => None,
        };
        let meta = match params {
            Some(params) => object(params, "_meta")?,
            None => None,
        };
        let revision = match meta.and_then(|meta| meta.get(REVISION_IN_META)) {
            Some(value) => Some(
                value
                    .as_str()
                    .ok_or_else(|| malformed("the revision in `_meta` is not a string"))?,
            ),
            None => None,
        };
        headers.agree_with(method, params, revision)?;
        let kind = match method {
            Some("tools/call") => Kind::Call(call(params, id.is_some())?),
            Some(method) => other(method, params, id.is_some())?,
            None => response(message, id.is_some(), headers)?,
        };
        if method.is_some() && (message.get("result").is_some() || message.get("error").is_some()) {
            return Err(malformed("a message is a request or a response, not both"));
        }
        let of_result = || message.get("result")?.as_object()?.get("_meta")?.as_object();
        Ok(Self { id, kind, meta: meta.or_else(of_result) })
    }

    /// The id, if the message is a request, which expects a response.
    pub fn request_id(&self) -> Option<&Id> {
        match self.kind {
            Kind::Call(_) | Kind::Request { .. } => self.id.as_ref(),
            Kind::Notification(_) | Kind::Response => None,
        }
    }

    /// The JSON-RPC method, if the message has one.
    pub fn method(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Call(_) => Some("tools/call"),
            Kind::Request { method, .. } | Kind::Notification(method) => Some(method),
            Kind::Response => None,
        }
    }
}

fn call<'a>(params: Option<&'a Object<'a>>, has_id: bool) -> Result<Call<'a>, MessageError> {
    if !has_id {
        return Err(malformed("`tools/call` has no id"));
    }
    let params = params.ok_or_else(|| malformed("`tools/call` has no params"))?;
    only(params, &CALL_PARAMS, "`params`")?;
    let name = params.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    Ok(Call {
        params,
        name: name.ok_or_else(|| malformed("`name` is not a non-empty string"))?,
        arguments: object(params, "arguments")?,
    })
}

fn other<'a>(
    method: &'a str,
    params: Option<&'a Object<'a>>,
    has_id: bool,
) -> Result<Kind<'a>, MessageError> {
    for (key, _) in params.into_iter().flat_map(Object::iter) {
        // Requiring ASCII rules out letters that case-fold to an ASCII letter.
        let misspelled = |member: &&str| member.eq_ignore_ascii_case(key) && *member != key;
        if !key.is_ascii() || PROTECTED.iter().any(misspelled) {
            return Err(malformed(
                "`params` has a member that a lenient reader could take for another",
            ));
        }
    }
    match (has_id, method.starts_with("notifications/")) {
        (true, false) => Ok(Kind::Request { method, params }),
        (false, true) => Ok(Kind::Notification(method)),
        (true, true) => Err(malformed("a notification has no id")),
        (false, false) => Err(malformed("a request has an id")),
    }
}

fn response<'a>(
    message: &'a Object<'a>,
    has_id: bool,
    headers: &StandardHeaders,
) -> Result<Kind<'a>, MessageError> {
    if headers.revision.is_some_and(Revision::is_modern) {
        return Err(malformed("this protocol version has no responses from clients"));
    }
    let one_outcome = message.get("result").is_some() != message.get("error").is_some();
    if has_id && one_outcome && message.get("params").is_none() {
        Ok(Kind::Response)
    } else {
        Err(malformed("the message is neither a request nor a response"))
    }
}

fn id(message: &Object<'_>) -> Result<Option<Id>, MessageError> {
    match message.get("id") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(Id::Text(text.to_string()))),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(number) => Ok(Some(Id::Number(number))),
            None => Err(malformed("`id` is a number but no integer within ±(2^53 - 1)")),
        },
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Raw(_)) => {
            Err(malformed("`id` is neither a string nor an integer"))
        }
    }
}

/// An optional member that must be an object. Servers take `null` for an absent member, or refuse
/// it.
fn object<'a>(of: &'a Object<'a>, name: &str) -> Result<Option<&'a Object<'a>>, MessageError> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_object() {
            Some(object) => Ok(Some(object)),
            None => Err(malformed(&format!("`{name}` is not an object"))),
        },
    }
}

fn only(object: &Object<'_>, allowed: &[&str], place: &str) -> Result<(), MessageError> {
    if object.iter().all(|(key, _)| allowed.contains(&key)) {
        Ok(())
    } else {
        Err(malformed(&format!("{place} has a member that the protocol does not know")))
    }
}
