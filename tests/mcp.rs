//! JSON-RPC messages and standard headers of MCP.

use toolgate::head::Head;
use toolgate::json;
use toolgate::mcp::{Kind, MessageError, Revision, StandardHeaders, read};
use toolgate::reason::Reason;
use toolgate::tool::ParamHeader;

fn headers(fields: &[(&str, &str)]) -> Result<StandardHeaders, MessageError> {
    let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect();
    StandardHeaders::read(&Head::new(fields))
}

/// Parses a body under these headers; returns its messages, or the reason and message of the
/// refusal.
fn read_text(fields: &[(&str, &str)], body: &str) -> Result<String, (Reason, String)> {
    let error = |error: MessageError| (error.reason, error.message);
    let headers = headers(fields).map_err(error)?;
    let value = json::read(body.as_bytes(), 16).unwrap();
    let body = read(&value, &headers, 3).map_err(error)?;
    let kinds = body.messages().iter().map(|message| match message.kind {
        Kind::Call(call) => format!("call {}", call.name),
        Kind::Request { method, .. } => format!("request {method}"),
        Kind::Notification(method) => format!("notification {method}"),
        Kind::Response => "response".to_owned(),
    });
    Ok(kinds.collect::<Vec<_>>().join(", "))
}

#[track_caller]
fn accepts(fields: &[(&str, &str)], body: &str, expected: &str) {
    assert_eq!(read_text(fields, body), Ok(expected.to_owned()));
}

#[track_caller]
fn refuses(fields: &[(&str, &str)], body: &str, reason: Reason, words: &str) {
    let (found, message) = read_text(fields, body).unwrap_err();
    assert_eq!(found, reason, "{message}");
    assert!(message.contains(words), "{message}");
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get"}}"#;

#[test]
fn kinds_of_messages() {
    accepts(&[], CALL, "call get");
    accepts(&[], r#"{"jsonrpc":"2.0","id":"","method":"ping"}"#, "request ping");
    accepts(
        &[],
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        "notification notifications/initialized",
    );
    accepts(&[], r#"{"jsonrpc":"2.0","id":3,"result":{}}"#, "response");
    accepts(&[], r#"{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"no"}}"#, "response");
}

#[test]
fn malformed_messages() {
    for (body, words) in [
        (r#""tools/call""#, "not a JSON-RPC message"),
        (r#"{"id":1,"method":"ping"}"#, "`jsonrpc`"),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "`jsonrpc`"),
        (r#"{"jsonrpc":"2.0","id":1,"Method":"ping"}"#, "does not know"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}"#, "does not know"),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "`method`"),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, "`method`"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "`id`"),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "`id`"),
        (r#"{"jsonrpc":"2.0","id":1e0,"method":"ping"}"#, "`id`"),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, "`id`"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, "`params`"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":1}}"#, "`_meta`"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, "not both"),
        (r#"{"jsonrpc":"2.0","method":"ping"}"#, "a request has an id"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#,
            "a notification has no id",
        ),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"get"}}"#, "no id"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, "no params"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, "`name`"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}"#, "`name`"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
            "does not know",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":[]}}"#,
            "`arguments`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","NAME":"b"}}"#,
            "lenient",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"nam\u212a":"b"}}"#,
            "lenient",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, "neither"),
        (r#"{"jsonrpc":"2.0","result":{}}"#, "neither"),
        (r#"{"jsonrpc":"2.0","id":1}"#, "neither"),
    ] {
        refuses(&[], body, Reason::MalformedMessage, words);
    }
}

#[test]
fn batches_only_where_the_revision_has_them() {
    let batch = format!("[{CALL},{}]", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let version = |name| [("mcp-protocol-version", name)];
    accepts(&[], &batch, "call get, notification notifications/initialized");
    accepts(&version("2025-03-26"), &batch, "call get, notification notifications/initialized");
    for later in ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"] {
        refuses(&version(later), &batch, Reason::MalformedMessage, "no batches");
    }
    refuses(&[], "[]", Reason::MalformedMessage, "empty");
    refuses(&[], &format!("[[{CALL}]]"), Reason::MalformedMessage, "element");
    refuses(&[], &format!("[{CALL},{CALL}]"), Reason::MalformedMessage, "share an id");
    refuses(&[], &format!("[{CALL},{CALL},{CALL},{CALL}]"), Reason::TooManyCalls, "more than 3");
    refuses(&[("mcp-name", "get")], &batch, Reason::HeaderMismatch, "batch");
}

#[test]
fn headers_must_agree_with_the_body_in_every_revision() {
    for version in Revision::ALL.map(Revision::as_str) {
        let with = |fields: &[(&'static str, &'static str)]| {
            let mut all = vec![
                ("mcp-protocol-version", version),
                ("mcp-method", "tools/call"),
                ("mcp-name", "get"),
            ];
            for (name, value) in fields {
                all.retain(|(field, _)| field != name);
                all.push((name, value));
            }
            all
        };
        accepts(&with(&[]), CALL, "call get");
        accepts(&with(&[("mcp-name", "=?base64?Z2V0?=")]), CALL, "call get");
        for wrong in [
            ("mcp-name", "safe"),
            ("mcp-name", "GET"),
            ("mcp-method", "ping"),
            ("mcp-method", "TOOLS/CALL"),
        ] {
            refuses(&with(&[wrong]), CALL, Reason::HeaderMismatch, "does not agree");
        }
        for broken in ["=?base64?Z2V?=", "=?base64?//8=?=", "g\u{e9}t"] {
            refuses(
                &with(&[("mcp-name", broken)]),
                CALL,
                Reason::HeaderMismatch,
                "not validly encoded",
            );
        }
    }
}

#[test]
fn modern_requests_need_their_headers() {
    let version = ("mcp-protocol-version", "2026-07-28");
    refuses(&[version], CALL, Reason::HeaderMismatch, "`Mcp-Method` is required");
    refuses(
        &[version, ("mcp-method", "tools/call")],
        CALL,
        Reason::HeaderMismatch,
        "`Mcp-Name` is required",
    );
    let listing = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    accepts(&[version, ("mcp-method", "tools/list")], listing, "request tools/list");
    refuses(&[], listing, Reason::HeaderMismatch, "different revisions");
    refuses(
        &[("mcp-protocol-version", "2025-11-25")],
        listing,
        Reason::HeaderMismatch,
        "different revisions",
    );
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    refuses(&[version], response, Reason::HeaderMismatch, "required");
    refuses(&[version, ("mcp-method", "x")], response, Reason::HeaderMismatch, "agree");
}

#[test]
fn strange_headers() {
    let refused = |fields: &[(&str, &str)]| headers(fields).unwrap_err().reason;
    assert_eq!(refused(&[("mcp-protocol-version", "2099-01-01")]), Reason::UnsupportedVersion);
    assert_eq!(refused(&[("mcp-protocol-version", "")]), Reason::UnsupportedVersion);
    let twice = [("mcp-protocol-version", "2025-06-18"), ("mcp-protocol-version", "2026-07-28")];
    assert_eq!(refused(&twice), Reason::HeaderMismatch);
    assert_eq!(refused(&[("mcp-name", "a"), ("mcp-name", "a")]), Reason::HeaderMismatch);
}

#[test]
fn param_headers_mirror_arguments() {
    let declared = [ParamHeader {
        name: "Region".to_owned(),
        path: vec!["where".to_owned(), "region".to_owned()],
    }];
    let check = |header: Option<&str>, version: &str, arguments: &str| {
        let mut fields = vec![("mcp-protocol-version", version)];
        fields.extend(header.map(|value| ("mcp-param-region", value)));
        let value = json::read(arguments.as_bytes(), 8).unwrap();
        headers(&fields).unwrap().agree_with_arguments(&declared, value.as_object(), true).is_ok()
    };
    let eu = r#"{"where":{"region":"eu"}}"#;
    assert!(check(Some("eu"), "2026-07-28", eu));
    assert!(check(Some("=?base64?ZXU=?="), "2025-11-25", eu));
    assert!(!check(Some("us"), "2025-11-25", eu));
    assert!(!check(None, "2026-07-28", eu));
    assert!(check(None, "2025-11-25", eu));
    assert!(check(None, "2026-07-28", r#"{"where":{"region":null}}"#));
    assert!(!check(Some("eu"), "2026-07-28", "{}"));
    for (text, same) in [
        ("42", true),
        ("42.0", true),
        ("42.5", false),
        ("4_2", false),
        ("+42", false),
        ("42.", false),
    ] {
        assert_eq!(check(Some(text), "2026-07-28", r#"{"where":{"region":42}}"#), same, "{text}");
    }
    assert!(check(Some("true"), "2026-07-28", r#"{"where":{"region":true}}"#));
    assert!(!check(Some("TRUE"), "2026-07-28", r#"{"where":{"region":true}}"#));
    assert!(
        headers(&[("mcp-param-zone", "1")])
            .unwrap()
            .agree_with_arguments(&declared, None, true)
            .is_err()
    );
}
