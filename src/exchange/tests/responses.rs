use super::*;
use crate::exchange::{ResponseEvent, ResponseStep};

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
pub(super) const JSON: [(&str, &str); 2] =
    [(":status", "200"), ("content-type", "application/json")];
const EVENTS: [(&str, &str); 2] = [(":status", "200"), ("content-type", "text/event-stream")];

fn head(fields: &[(&str, &str)]) -> Head {
    Head::new(fields.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect())
}

/// An exchange whose request was forwarded, and the header changes for the upstream.
#[track_caller]
pub(super) fn asked(
    gate: &Gate,
    fields: &[(&str, &str)],
    body: &str,
) -> (Exchange, Vec<HeaderChange>) {
    let mut exchange = Exchange::default();
    let first = exchange.step(gate, Event::Headers(&arrival(fields, Some(fixture::claims()))));
    assert!(matches!(first, Step::AwaitBody), "{first:?}");
    let forward = forwarded(exchange.step(gate, Event::End(body.as_bytes())));
    (exchange, forward.headers)
}

/// What a client gets: header changes, body and records.
#[derive(Debug, Default)]
pub(super) struct Got {
    headers: Vec<HeaderChange>,
    pub(super) body: String,
    pub(super) records: Vec<Value>,
    pub(super) counters: Vec<String>,
}

pub(super) fn answered(
    exchange: &mut Exchange,
    gate: &Gate,
    fields: &[(&str, &str)],
    parts: &[&[u8]],
) -> Got {
    let mut got = Got::default();
    let mut take = |step: ResponseStep, part: &[u8]| match step {
        ResponseStep::Hold => true,
        ResponseStep::Pass => {
            got.body.push_str(std::str::from_utf8(part).unwrap());
            false
        }
        ResponseStep::Send { headers, body, evidence } => {
            got.headers.extend(headers);
            got.body.push_str(&String::from_utf8(body).unwrap());
            if let Some(evidence) = evidence {
                got.counters.extend(evidence.counters().map(ToString::to_string));
                if let Some((_, lines)) = evidence.filter_state().first() {
                    let lines = std::str::from_utf8(lines).unwrap().lines();
                    got.records = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
                }
            }
            true
        }
    };
    let none = parts.is_empty();
    if take(exchange.respond(gate, ResponseEvent::Headers(&head(fields), none)), b"") {
        for (position, part) in (1..).zip(parts) {
            let last = position == parts.len();
            take(exchange.respond(gate, ResponseEvent::Body(part, last)), part);
        }
    }
    got
}

fn recording() -> Gate {
    let mut document = fixture::document();
    document.manifest.mcp.record_lists = true;
    Gate::new(crate::bundle::load(&document).unwrap().bundle, "test".to_owned())
}

fn tools(names: &[&str]) -> String {
    let tools: Vec<Value> = names.iter().map(|name| json!({ "name": name, "x": 1.50 })).collect();
    json!({ "jsonrpc": "2.0", "id": 7, "result": {
        "tools": tools, "nextCursor": "c", "cacheScope": "public", "_meta": { "a": 1 }
    } })
    .to_string()
}

/// The caller may call both tools of the fixture; with a `forbid` in the way, only one.
fn without_get() -> Gate {
    let mut document = fixture::document_json();
    let forbid = r#"@id("no-get") @reason("No.") forbid (principal, action == Action::"pay/get", resource);"#;
    document["layers"]["org"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "no-get", "source": forbid }));
    document["manifest"]["mcp"]["record_lists"] = json!(true);
    let document = serde_json::from_value(document).unwrap();
    Gate::new(crate::bundle::load(&document).unwrap().bundle, "test".to_owned())
}

#[test]
fn a_list_has_only_what_its_caller_could_call() {
    let gate = without_get();
    let upstream = tools(&["get", "refund", "other"]);
    for size in [1, 7, upstream.len()] {
        let (mut exchange, headers) = asked(&gate, &POST, LIST);
        let identity = HeaderChange::Set("accept-encoding", "identity".to_owned());
        assert!(headers.contains(&identity), "{headers:?}");
        let parts: Vec<&[u8]> = upstream.as_bytes().chunks(size).collect();
        let got = answered(&mut exchange, &gate, &JSON, &parts);
        let shown: Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(shown["result"]["tools"], json!([{ "name": "refund", "x": 1.5 }]));
        assert_eq!(shown["result"]["nextCursor"], "c");
        assert_eq!(shown["result"]["cacheScope"], "private");
        let length = HeaderChange::Set("content-length", got.body.len().to_string());
        assert!(got.headers.contains(&length), "{:?}", got.headers);
        assert_eq!(
            got.counters,
            [
                "toolgate.hidden.reason.forbidden.tool.pay/get",
                "toolgate.hidden.reason.unknown_tool.tool.unknown"
            ]
        );
        let [record] = &got.records[..] else { panic!("{:?}", got.records) };
        assert_eq!(
            [&record["event_class"], &record["reason"], &record["method"], &record["detail"]],
            ["discovery", "listed", "tools/list", "1 shown, 2 hidden: pay/get"]
        );
    }
}

#[test]
fn what_has_nothing_to_hide_stays_as_it_is() {
    let gate = fixture::gate();
    let body =
        r#"{ "jsonrpc": "2.0", "id": 7, "result": {"tools": [ {"name":"refund","x":1.50} ] } }"#;
    let other = r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"tools"}}"#;
    for body in [body, other] {
        let (mut exchange, _) = asked(&gate, &POST, LIST);
        let got = answered(&mut exchange, &gate, &JSON, &[body.as_bytes()]);
        assert_eq!((got.body.as_str(), got.headers), (body, vec![]));
    }
    let (exchange, headers) = asked(&gate, &POST, &call("refund", r#"{"amount":1}"#));
    assert!(!exchange.looks_at_response());
    assert!(!format!("{headers:?}").contains("accept-encoding"));
}

#[test]
fn lists_are_found_on_streams() {
    let gate = without_get();
    let list = tools(&["get", "refund"]);
    let stream = format!(
        ": hello\n\nevent: message\nid: 3\ndata: {list}\n\nevent: endpoint\ndata: /x\n\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}}\n\ndata: cut"
    );
    let get = with(&[(":method", "GET"), ("accept", "text/event-stream")]);
    for (fields, body) in [(&POST[..], LIST), (&get, "")] {
        for size in [1, 5, stream.len()] {
            let (mut exchange, _) = asked(&gate, fields, body);
            let parts: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            let got = answered(&mut exchange, &gate, &EVENTS, &parts);
            assert!(got.body.starts_with(": hello\n\nevent: message\nid: 3\ndata: {"), "{got:?}");
            assert!(got.body.contains("refund") && !got.body.contains("\"get\""), "{got:?}");
            assert!(got.body.ends_with("event: endpoint\ndata: /x\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n"), "{got:?}");
            assert!(got.headers.contains(&HeaderChange::Remove("content-length".to_owned())));
            assert_eq!(got.records.len(), 1);
        }
    }
}

#[test]
fn a_response_that_cannot_be_read_is_refused() {
    let gate = recording();
    let list = tools(&["get"]);
    let twice = list.replace("\"nextCursor\":\"c\"", "\"tools\":[]");
    let long = " ".repeat(gate.bundle.limits.response_bytes) + &list;
    let encoded = [JSON[0], JSON[1], ("content-encoding", "gzip")];
    let text = [JSON[0], ("content-type", "text/plain")];
    for (fields, body, reason) in [
        (&JSON[..], list.get(1..).unwrap().as_bytes(), "unreadable_response"),
        (&JSON, twice.as_bytes(), "unreadable_response"),
        (&JSON, b"{\"id\":7,\"result\":\"\xff\"}", "unreadable_response"),
        (&JSON, long.as_bytes(), "response_too_large"),
        (&encoded, list.as_bytes(), "unreadable_response"),
        (&text, list.as_bytes(), "unreadable_response"),
    ] {
        let (mut exchange, _) = asked(&gate, &POST, LIST);
        let got = answered(&mut exchange, &gate, fields, &[body, b""]);
        let shown: Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(shown["id"], 7);
        assert_eq!(shown["error"]["data"]["reason"], reason);
        assert_eq!(got.records[0]["reason"], reason);
        for change in [
            HeaderChange::Set(":status", "200".to_owned()),
            HeaderChange::Set("content-length", got.body.len().to_string()),
            HeaderChange::Remove("content-encoding".to_owned()),
        ] {
            assert!(got.headers.contains(&change), "{:?}", got.headers);
        }
    }
}

#[test]
fn an_event_that_cannot_be_read_is_answered_in_its_place() {
    let gate = recording();
    let list = tools(&["get"]);
    let bad = "data: {\"result\":{\"tools\":[],\"tools\":[{}]}}\n\n";
    let stream = format!("{bad}data: {list}\n\n");
    let (mut exchange, _) = asked(&gate, &POST, LIST);
    let got = answered(&mut exchange, &gate, &EVENTS, &[stream.as_bytes()]);
    let events: Vec<&str> = got.body.split("\n\n").collect();
    assert!(events[0].contains("\"id\":7") && events[0].contains("unreadable_response"), "{got:?}");
    assert!(events[1].contains("\"get\""), "{got:?}");
    // On a stream of its own, no request waits for an answer.
    let get = with(&[(":method", "GET"), ("accept", "text/event-stream")]);
    let (mut exchange, _) = asked(&gate, &get, "");
    let got = answered(&mut exchange, &gate, &EVENTS, &[stream.as_bytes()]);
    assert!(
        got.body.starts_with("data: {\"jsonrpc\"") && !got.body.contains("unreadable"),
        "{got:?}"
    );
}

#[test]
fn an_error_of_another_type_reaches_the_client() {
    let gate = recording();
    let fields = [(":status", "404"), ("content-type", "text/plain")];
    let (mut exchange, _) = asked(&gate, &POST, LIST);
    let got = answered(&mut exchange, &gate, &fields, &[b"no such session"]);
    assert!(got.headers.is_empty() && got.records.is_empty(), "{got:?}");
    assert!(!exchange.looks_at_response());
}

#[test]
fn a_client_need_not_know_the_headers_of_a_tool_that_it_does_not_see() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get","arguments":{"id":"x"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let modern =
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "get")];
    let mirrored = [&modern[..], &[("mcp-param-payment", "y")]].concat();
    for (gate, fields, reason) in [
        (fixture::gate(), &modern[..], Reason::HeaderMismatch),
        (without_get(), &modern, Reason::Forbidden),
        // What contradicts the body is refused for that.
        (without_get(), &mirrored, Reason::HeaderMismatch),
    ] {
        let step = run(&gate, &with(fields), Some(fixture::claims()), body.as_bytes());
        assert_eq!(refused(step).0.records[0].reason, reason);
    }
}
