//! Labelled parts of results in other places than the response to their call.

use super::responses::{EVENTS, Got, JSON, LIST, answered, asked};
use super::*;

const CANARY: &str = "ada@example.org";

/// The fixture with a label on the result of `get` that nobody may see.
fn gate(change: impl FnOnce(&mut Value)) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["servers"]["pay"]["tools"]["get"] =
        json!({ "labels": { "pii": ["email"] } });
    change(&mut document);
    let document = serde_json::from_value(document).unwrap();
    let loaded = crate::bundle::load(&document).unwrap_or_else(|findings| panic!("{findings:#?}"));
    Gate::new(loaded.bundle, "test".to_owned())
}

fn stream(gate: &Gate, events: &str) -> String {
    const GET: [(&str, &str); 3] =
        [(":method", "GET"), (":path", "/pay/mcp"), ("accept", "text/event-stream")];
    let (mut exchange, _) = asked(gate, &GET, "");
    answered(&mut exchange, gate, &EVENTS, &[events.as_bytes()]).body
}

fn get() -> String {
    call("get", r#"{"id":"p"}"#)
}

/// What the sender of a body gets of the upstream's answer.
fn got(gate: &Gate, request: &str, fields: &[(&str, &str)], response: &str) -> Got {
    let (mut exchange, _) = asked(gate, &POST, request);
    answered(&mut exchange, gate, fields, &[response.as_bytes()])
}

fn result() -> Value {
    json!({ "content": [{ "type": "text", "text": CANARY }], "structuredContent": { "email": CANARY } })
}

#[test]
fn the_reply_to_a_message_that_is_answered_on_a_stream_has_nothing() {
    let gate = gate(|document| {
        document["manifest"]["channels"][0]["protocol"] = json!("sse");
    });
    let body = json!({ "jsonrpc": "2.0", "id": "x", "result": result() }).to_string();
    let accepted =
        [(":status", "202"), ("content-type", "application/json"), ("content-length", "9")];
    for fields in [&JSON[..], &accepted, &[(":status", "202")], &[(":status", "400")], &EVENTS] {
        let got = got(&gate, &get(), fields, &body);
        assert_eq!(got.body, "", "{fields:?}");
        assert!(got.headers.contains(&HeaderChange::Remove("content-length".to_owned())));
        assert!(!got.headers.iter().any(|it| matches!(it, HeaderChange::Set(":status", _))));
    }
    assert!(!asked(&gate, &POST, &call("refund", r#"{"amount":1}"#)).0.looks_at_response());
    assert!(!asked(&gate, &POST, LIST).0.looks_at_response());
}

#[test]
fn a_stream_can_have_results_of_inner_tools_of_another_server() {
    let gate = gate(|document| {
        let digest = document["tools"]["pay"][0]["digest"].clone();
        let input = json!({ "type": "object", "properties": {
            "name": { "type": "string" }, "arguments": { "type": "object" } } });
        let tool = json!({ "name": "run", "digest": digest, "inputSchema": input });
        document["tools"]["hub"] = json!([tool]);
        let wraps = json!({ "tool": "name", "arguments": "arguments", "server": "pay" });
        document["manifest"]["servers"]["hub"] =
            json!({ "tools_from": "tools/hub.json", "tools": { "run": { "wraps": wraps } } });
        document["manifest"]["channels"][0]["server"] = json!("hub");
        document["entities"].as_array_mut().unwrap().push(json!({ "uid": "Server::\"hub\"" }));
    });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "result": result() });
    let shown = stream(&gate, &format!("data: {message}\n\n"));
    assert!(shown.contains("[withheld: pii]") && !shown.contains(CANARY), "{shown}");
}

#[test]
fn results_of_tasks_are_those_of_calls() {
    let gate = gate(|document| {
        let methods = ["tasks/result", "tasks/get", "tasks/list", "subscriptions/listen"];
        document["manifest"]["mcp"]["methods"] = json!(methods);
    });
    let ask = |method: &str, params: Value| {
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
    };
    let answer = |result: Value| json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string();
    let task = json!({ "taskId": "t", "status": "completed", "ttl": null, "pollInterval": 5,
        "statusMessage": CANARY, "result": result() });
    for (method, result) in [
        ("tasks/result", result()),
        ("tasks/get", task.clone()),
        ("tasks/get", json!({ "taskId": "t", "status": CANARY })),
        ("tasks/list", json!({ "tasks": [task] })),
    ] {
        let shown = got(&gate, &ask(method, json!({ "taskId": "t" })), &JSON, &answer(result)).body;
        assert!(!shown.contains(CANARY), "{method} {shown}");
    }
    let shown = got(&gate, &ask("tasks/get", json!({ "taskId": "t" })), &JSON, &answer(task)).body;
    let kept = json!({ "taskId": "t", "status": "completed", "ttl": null, "pollInterval": 5 });
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["result"], kept);
    let listen = ask("subscriptions/listen", json!({ "notifications": { "taskIds": ["t"] } }));
    let status = json!({ "jsonrpc": "2.0", "method": "notifications/tasks", "params": { "result": result() } });
    assert_eq!(got(&gate, &listen, &EVENTS, &format!("data: {status}\n\n")).body, "");
    let other =
        ask("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    assert!(!asked(&gate, &POST, &other).0.looks_at_response());
}

#[test]
fn an_event_with_another_name_is_no_way_around() {
    let gate = gate(|_| {});
    let message = json!({ "jsonrpc": "2.0", "id": 1, "result": { "task": CANARY } });
    for event in [
        format!("event: endpoint\ndata: {message}\n\n"),
        format!("event: endpoint\ndata: {CANARY}\n\n"),
        format!("event: endpoint\ndata: /m {CANARY}\n\n"),
        format!("event: endpoint\nevent: x\ndata: /{CANARY}\n\n"),
        format!("id: 1\u{2028}data: {CANARY}\n\n"),
    ] {
        assert!(!stream(&gate, &event).contains(CANARY), "{event}");
        assert!(!got(&gate, &get(), &EVENTS, &event).body.contains(CANARY), "{event}");
    }
    let endpoint = format!(": {CANARY}\nevent: endpoint\nid: {CANARY}\ndata: /m?s=1\n\n");
    assert_eq!(stream(&gate, &endpoint), "event: endpoint\ndata: /m?s=1\n\n");
    assert_eq!(got(&gate, &get(), &EVENTS, &endpoint).body, "");
}

#[test]
fn members_of_the_protocol_have_no_texts() {
    let gate = gate(|_| {});
    let ok = json!({ "structuredContent": {} });
    for message in [
        json!({ "jsonrpc": CANARY, "id": 1, "result": ok }),
        json!({ "jsonrpc": "2.0", "id": { "a": CANARY }, "result": ok }),
        json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": CANARY, "message": "" } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": { "level": CANARY } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progress": CANARY } }),
    ] {
        let shown = got(&gate, &get(), &JSON, &message.to_string()).body;
        assert!(!shown.contains(CANARY), "{shown}");
        let shown = stream(&gate, &format!("data: {message}\n\n"));
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn the_result_of_a_call_is_known_by_its_id() {
    let gate = gate(|_| {});
    let [ping, call] =
        [json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/read" }).to_string(), get()];
    let messages = json!({ "messages": [CANARY] });
    let other = json!({ "jsonrpc": "2.0", "id": 1, "result": messages });
    let id = serde_json::from_str::<Value>(&call).unwrap()["id"].clone();
    let of_call = json!({ "jsonrpc": "2.0", "id": id, "result": messages });
    let shown = |message: &Value| {
        let request = format!("[{ping},{call}]");
        got(&gate, &request, &EVENTS, &format!("data: {message}\n\n")).body
    };
    assert!(shown(&other).contains(CANARY));
    assert!(!shown(&of_call).contains(CANARY));
    // Clients in Go ignore case.
    let cased =
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": [], "Content": [CANARY] } });
    assert!(!stream(&gate, &format!("data: {cased}\n\n")).contains(CANARY));
}

#[test]
fn a_list_under_a_name_in_another_case_is_dropped() {
    let gate = fixture::gate();
    let evil = json!([{ "name": "get", "description": CANARY }]);
    for message in [
        json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": [], "Tools": evil } }),
        json!({ "jsonrpc": "2.0", "id": 7, "result": { "TOOLS": evil } }),
        json!({ "jsonrpc": "2.0", "id": 7, "Result": { "tools": evil } }),
        json!({ "jsonrpc": "2.0", "id": 7, "result": {}, "re\u{17f}ult": { "tools": evil } }),
        json!([{ "jsonrpc": "2.0", "id": 7, "result": { "tool\u{17f}": evil } }]),
    ] {
        let shown = got(&gate, LIST, &JSON, &message.to_string()).body;
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

/// As `str::splitlines` of Python ends lines, and with it some clients.
#[test]
fn clients_that_end_lines_elsewhere_read_no_other_list() {
    let gate = fixture::gate();
    let evil = json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": [
        { "name": "get", "description": CANARY }] } });
    let quoted = evil.to_string().replace('"', "'");
    let kept =
        json!({ "jsonrpc": "2.0", "method": "notifications/x", "params": { "a": "\u{2029}" } });
    let mut events = format!("data: {kept}\n\n");
    for end in ["\u{2028}", "\u{85}", "\u{b}", "\u{1c}"] {
        let inside = format!("{end}{end}data: {quoted}{end}{end}");
        events.extend([
            format!(": {end}data: {evil}{end}{end}\n\n"),
            format!("event: x{end}data: {evil}\ndata: {{}}\n\n"),
            format!("data: {{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{{\"a\":\"{inside}\"}}}}\n\n"),
        ]);
    }
    let shown = got(&gate, LIST, &EVENTS, &events).body;
    let ends = ['\u{b}', '\u{1c}', '\u{85}', '\u{2028}', '\u{2029}'];
    assert!(!shown.contains(ends), "{shown:?}");
    assert!(
        shown
            .starts_with(&format!("data: {}\n\n", kept.to_string().replace('\u{2029}', "\\u2029")))
    );
    assert_eq!(shown.matches("'description'").count(), 2, "as text of a message");
}

#[test]
fn a_list_has_no_more_entries_than_can_be_decided() {
    let mut document = fixture::document();
    document.manifest.limits.body_bytes = 1 << 20;
    let gate = Gate::new(crate::bundle::load(&document).unwrap().bundle, String::new());
    let listed = |count: usize| {
        let tools = vec![json!({ "name": "x" }); count];
        let list = json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools } });
        let list = json!([list, { "jsonrpc": "2.0", "id": 8, "result": { "tools": [{}] } }]);
        got(&gate, LIST, &JSON, &list.to_string()).body
    };
    assert!(listed(9_999).contains(r#""tools":[]"#));
    assert!(listed(10_000).contains("unreadable_response"));
}
