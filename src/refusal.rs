//! Denial → local reply, or the message that takes the place of the request. The reply states the
//! reason and whom to contact, never policy text.

mod challenge;
mod elicitation;
mod replacement;
mod sentence;

use serde_json::{Value, json};

use crate::approval::Challenge;
use crate::bundle::{Bundle, RefusalSettings, RefusalStyle};
use crate::header;
use crate::mcp::{Id, MessageError, Recovered, Revision};
use crate::memory::Exceeded;
use crate::reason::Reason;
use crate::record::Draft;

use elicitation::{approval, elicitation};
pub use replacement::Replacement;
use sentence::sentence;

/// The code of an MCP header mismatch.
const HEADER_MISMATCH: i32 = -32020;
/// The code of an unknown MCP revision.
const UNSUPPORTED_VERSION: i32 = -32022;
/// JSON-RPC 2.0: the body is not JSON.
const PARSE_ERROR: i32 = -32700;
/// JSON-RPC 2.0: the body is not a valid request.
const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC 2.0: the method does not exist.
const METHOD_NOT_FOUND: i32 = -32601;
/// JSON-RPC 2.0, and MCP's error for a tool that does not exist.
const INVALID_PARAMS: i32 = -32602;

/// A local reply of the gate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header fields besides `:status`.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: Vec<u8>,
}

/// One message of a refused body, with the parts that its reply depends on.
#[derive(Debug)]
pub struct Refused<'a> {
    /// The id to echo; `None` for a message that expects no response.
    pub id: Option<&'a Id>,
    /// The name of the tool, if the message is a call.
    pub tool: Option<&'a str>,
    /// Advice for the caller, in addition to the reason.
    pub advice: Option<&'a str>,
    /// The budget that the call exceeds.
    pub exceeded: Option<&'a Exceeded>,
    /// Where a person is asked to approve the call.
    pub challenge: Option<&'a Challenge>,
    /// The scopes that would do.
    pub scopes: Option<&'a [String]>,
    /// Whether the refusal is about the inner call of the call.
    pub is_inner: bool,
    /// The protocol revision that was asked for, if it is not supported.
    pub requested: Option<&'a str>,
    /// The draft with the decision about it.
    pub(crate) draft: &'a Draft,
}

impl<'a> Refused<'a> {
    /// A message of which nothing is known besides the decision about it.
    pub(crate) fn because_of(draft: &'a Draft) -> Self {
        let (id, tool, advice, exceeded, requested) = (None, None, None, None, None);
        let (challenge, scopes, is_inner) = (None, None, false);
        Self { id, tool, advice, exceeded, challenge, scopes, is_inner, requested, draft }
    }
}

/// The form of the reply to a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Form {
    /// Whether the body was a batch; the reply then is one too.
    pub batch: bool,
    /// Whether the revision is 2026-07-28 or later, which prescribes statuses for some errors.
    pub modern: bool,
    /// Whether answers come on an event stream, so that callers ignore a reply that is no HTTP
    /// error.
    pub streamed: bool,
}

impl Form {
    /// The style of a reply of this form.
    fn style(self, settings: &RefusalSettings) -> RefusalStyle {
        match settings.style {
            RefusalStyle::ToolResult | RefusalStyle::JsonrpcError if self.streamed => {
                RefusalStyle::Http
            }
            style @ (RefusalStyle::ToolResult
            | RefusalStyle::JsonrpcError
            | RefusalStyle::Http
            | RefusalStyle::Conceal) => style,
        }
    }
}

/// The reply to a request whose sender is unknown, or that has no id that could be recovered: an HTTP
/// error with a JSON-RPC error as the body.
pub fn as_http_error(refused: &Refused<'_>, bundle: &Bundle) -> Reply {
    let settings = &bundle.refusal;
    let reason = refused.draft.outcome.reason;
    let body = error(refused, code(reason, settings), &words(refused, settings));
    let mut headers = headers(bundle, std::iter::once(refused));
    let challenge = challenge::of(reason, refused.scopes, settings);
    headers.extend(challenge.map(|challenge| ("www-authenticate", challenge)));
    Reply { status: reason.status(), headers, body: to_bytes(&body) }
}

/// The reply to a body that is not accepted, of which these messages were recovered. A refusal with
/// the id of its request has the bundle's style, unless the protocol prescribes a status.
pub(crate) fn unreadable(
    draft: &Draft,
    error: &MessageError,
    messages: &[Recovered],
    form: Form,
    bundle: &Bundle,
) -> Reply {
    let refused = |id, tool| {
        let (advice, requested) = (Some(&*error.message), error.requested.as_deref());
        Refused { id, tool, advice, requested, ..Refused::because_of(draft) }
    };
    let each: Vec<Refused<'_>> =
        messages.iter().map(|message| refused(message.request_id(), message.tool())).collect();
    let prescribed = [HEADER_MISMATCH, UNSUPPORTED_VERSION];
    if each.is_empty() || prescribed.contains(&code(error.reason, &bundle.refusal)) {
        let id = messages.first().filter(|_| !form.batch).and_then(Recovered::request_id);
        return as_http_error(&refused(id, None), bundle);
    }
    in_style(&each, form, bundle)
}

/// The JSON-RPC error code of a refusal.
fn code(reason: Reason, settings: &RefusalSettings) -> i32 {
    match reason {
        Reason::MalformedBody => PARSE_ERROR,
        Reason::HeaderMismatch => HEADER_MISMATCH,
        Reason::UnsupportedVersion => UNSUPPORTED_VERSION,
        Reason::MalformedMessage
        | Reason::UnsupportedMediaType
        | Reason::UnsupportedEncoding
        | Reason::BodyTooLarge
        | Reason::TooManyCalls
        | Reason::TooManyValues => INVALID_REQUEST,
        Reason::Permitted
        | Reason::Lifecycle
        | Reason::Listed
        | Reason::ChangeTolerated
        | Reason::RunawayBegan
        | Reason::RunawayEnded
        | Reason::Shadow
        | Reason::Forbidden
        | Reason::PolicyError
        | Reason::NotPermitted
        | Reason::UnknownTool
        | Reason::ToolChanged
        | Reason::NestedCall
        | Reason::BudgetExceeded
        | Reason::BudgetUnavailable
        | Reason::HistoryIncomplete
        | Reason::ApprovalRequired
        | Reason::ApprovalDenied
        | Reason::ApprovalMismatch
        | Reason::ApprovalUnverified
        | Reason::ApprovalExpired
        | Reason::ApprovalUsed
        | Reason::SelfApproval
        | Reason::ApproverNotPermitted
        | Reason::ApprovalUnavailable
        | Reason::InsufficientScope
        | Reason::CapabilityMissing
        | Reason::CapabilityExceeded
        | Reason::CapabilityUnverified
        | Reason::CapabilityMalformed
        | Reason::CapabilityRepeated
        | Reason::CapabilityExpired
        | Reason::CapabilityNotYetValid
        | Reason::CapabilityAudience
        | Reason::CapabilitySubject
        | Reason::CapabilityActor
        | Reason::CapabilityTenant
        | Reason::CapabilityTransaction
        | Reason::UnknownResource
        | Reason::MethodNotAllowed
        | Reason::InvalidArguments
        | Reason::BatchRefused
        | Reason::Unauthenticated
        | Reason::InvalidIdentity
        | Reason::IdentityMismatch
        | Reason::SessionMismatch
        | Reason::TaskMismatch
        | Reason::UnknownTenant
        | Reason::UnknownChannel
        | Reason::UnreadableResponse
        | Reason::ResponseTooLarge
        | Reason::Internal => settings.code,
    }
}

/// The reply to messages with ids of which at least one was refused, in the bundle's style.
pub fn in_style(refused: &[Refused<'_>], form: Form, bundle: &Bundle) -> Reply {
    let settings = &bundle.refusal;
    if let ([only], false) = (refused, settings.style == RefusalStyle::Conceal)
        && only.scopes.is_some()
    {
        // No other status has a client ask for more scopes.
        return as_http_error(only, bundle);
    }
    let mut answers: Vec<Value> = refused
        .iter()
        .filter(|refused| refused.id.is_some())
        .map(|refused| answer(refused, form, settings))
        .collect();
    // Notifications have no response, so their refusal is an HTTP error.
    let unanswerable = answers.is_empty();
    let body = match answers.pop() {
        Some(last) if form.batch => {
            answers.push(last);
            Value::Array(answers)
        }
        Some(only) => only,
        None => refused.first().map_or(Value::Null, |refused| answer(refused, form, settings)),
    };
    let first = refused.iter().find(|refused| refused.draft.outcome.reason.determines());
    let conceals = settings.style == RefusalStyle::Conceal;
    let status = first.filter(|_| !conceals);
    let status = status.map_or(403, |refused| refused.draft.outcome.reason.status());
    let unknown_method = form.modern && !unanswerable && first.is_some_and(is_unknown_method);
    let elicits = |refused: &Refused<'_>| elicited(refused, form, settings).is_some();
    let as_error = unanswerable || form.streamed || settings.style == RefusalStyle::Http;
    let as_error = as_error && !refused.iter().any(elicits);
    Reply {
        status: if unknown_method {
            404
        } else if as_error {
            status
        } else {
            200
        },
        headers: headers(bundle, refused.iter()),
        body: to_bytes(&body),
    }
}

fn is_unknown_method(refused: &Refused<'_>) -> bool {
    refused.draft.outcome.reason == Reason::MethodNotAllowed
}

/// The answer that has the client open the page where a person approves the call, if the bundle hides
/// nothing.
fn elicited(refused: &Refused<'_>, form: Form, settings: &RefusalSettings) -> Option<Value> {
    let tells = !form.streamed && settings.style != RefusalStyle::Conceal;
    let challenge = refused.challenge.filter(|_| tells)?;
    elicitation(challenge, refused.id, (&words(refused, settings), &account(refused)))
}

fn answer(refused: &Refused<'_>, form: Form, settings: &RefusalSettings) -> Value {
    if let Some(elicited) = elicited(refused, form, settings) {
        return elicited;
    }
    match (form.style(settings), refused.tool) {
        (RefusalStyle::ToolResult, Some(_)) => tool_result(refused, settings),
        (RefusalStyle::Conceal, Some(tool)) => {
            concealed(refused, INVALID_PARAMS, &format!("Unknown tool: {tool}"))
        }
        (RefusalStyle::Conceal, None) => concealed(refused, METHOD_NOT_FOUND, "Method not found"),
        (RefusalStyle::ToolResult | RefusalStyle::JsonrpcError | RefusalStyle::Http, _) => {
            let unknown = form.modern && is_unknown_method(refused);
            let code = code(refused.draft.outcome.reason, settings);
            let code = if unknown { METHOD_NOT_FOUND } else { code };
            error(refused, code, &words(refused, settings))
        }
    }
}

/// `resultType` is required since 2026-07-28 and ignored in earlier revisions.
fn tool_result(refused: &Refused<'_>, settings: &RefusalSettings) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": refused.id,
        "result": {
            "resultType": "complete",
            "isError": true,
            "content": [{ "type": "text", "text": words(refused, settings) }],
            "_meta": { "dev.toolgate/refusal": account(refused) },
        },
    })
}

fn error(refused: &Refused<'_>, code: i32, message: &str) -> Value {
    let data = match refused.requested {
        Some(requested) => {
            // A client tries one of these at once. `initialize` negotiates older ones, which the
            // server may not have.
            let supported = Revision::ALL.into_iter().filter(|revision| revision.is_modern());
            let supported: Vec<_> = supported.map(Revision::as_str).collect();
            json!({ "supported": supported, "requested": requested })
        }
        None => account(refused),
    };
    let error = json!({ "code": code, "message": message, "data": data });
    json!({ "jsonrpc": "2.0", "id": refused.id, "error": error })
}

/// An error that does not reveal the gate.
fn concealed(refused: &Refused<'_>, code: i32, message: &str) -> Value {
    let error = json!({ "code": code, "message": message });
    json!({ "jsonrpc": "2.0", "id": refused.id, "error": error })
}

fn account(refused: &Refused<'_>) -> Value {
    let mut account = json!({
        "decision": refused.draft.outcome.decision(),
        "reason": refused.draft.outcome.reason,
        "id": refused.draft.id,
    });
    if let (Some(exceeded), Some(members)) = (refused.exceeded, account.as_object_mut()) {
        members.insert("budget".to_owned(), json!(exceeded.spending));
        let seconds = exceeded.seconds();
        members.extend(seconds.map(|seconds| ("retry_after".to_owned(), json!(seconds))));
    }
    if let (Some(scopes), Some(members)) = (refused.scopes, account.as_object_mut()) {
        members.insert("scopes".to_owned(), json!(scopes));
    }
    if let (Some(challenge), Some(members)) = (refused.challenge, account.as_object_mut()) {
        members.insert("approval".to_owned(), approval(challenge));
    }
    account
}

/// The message for the caller, often a model: what happened, what to do, and the id to quote.
fn words(refused: &Refused<'_>, settings: &RefusalSettings) -> String {
    let reason = refused.draft.outcome.reason;
    let told = refused.advice.unwrap_or_else(|| sentence(reason));
    let told = told.trim_end_matches('.');
    let inner = if refused.is_inner { "in the inner call, " } else { "" };
    let page = refused.challenge.and_then(|challenge| challenge.url.as_deref());
    let page = page.map(|url| format!(" A person can approve it at {url}; call again then."));
    let page = page.unwrap_or_default();
    let help = settings.help.as_deref().map(|help| format!(" {help}")).unwrap_or_default();
    let reason = reason.as_str();
    format!("Refused ({reason}): {inner}{told}.{page}{help} Decision {}.", refused.draft.id)
}

fn headers<'a>(
    bundle: &Bundle,
    refused: impl Iterator<Item = &'a Refused<'a>>,
) -> Vec<(&'static str, String)> {
    let refused: Vec<&Refused<'_>> = refused.collect();
    // It would tell that the tool exists.
    let tells = bundle.refusal.style != RefusalStyle::Conceal;
    let waits = refused.iter().filter_map(|refused| refused.exceeded.filter(|_| tells));
    // If one of the calls never fits, neither does the body.
    let waits: Option<Vec<u64>> = waits.map(Exceeded::seconds).collect();
    let longest = waits.unwrap_or_default().into_iter().max();
    let retry_after = longest.map(|seconds| ("retry-after", seconds.to_string()));
    let drafts = refused.iter().map(|refused| refused.draft);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("cache-control", "no-store".to_owned()),
        (header::DECISION, header::decision(&bundle.id, drafts)),
    ];
    headers.into_iter().chain(retry_after).collect()
}

fn to_bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}
