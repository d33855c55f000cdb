//! Responses: however they arrive, a client gets the same, and no list has a tool that the caller
//! could not call.

use arbitrary::Unstructured;
use serde_json::{Value, json};

use crate::client;
use crate::small::{self, SHOWN};
use crate::upstream::{REQUESTS, Response, asked, received};

const TYPES: [&str; 5] = [
    "application/json",
    "text/event-stream",
    "Application/JSON ; charset=utf-8",
    "text/event-stream;x",
    "text/plain",
];
/// How every id of a decision begins here, and how much follows.
const IDS: &str = "00000000-0000-7000-8000-";
const IDS_DIFFER: usize = 12;
const STATUSES: [&str; 3] = ["200", "404", "500"];

pub(super) fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut byte = || usize::from(input.arbitrary::<u8>().unwrap_or_default());
    let request = REQUESTS[byte() % REQUESTS.len()];
    let content_type = TYPES[byte() % TYPES.len()];
    let status = STATUSES[byte() % STATUSES.len()];
    let cuts = input.arbitrary().unwrap_or_default();
    let body = input.take_rest();
    let response = |cuts| Response { status, content_type, body, cuts };
    let whole = received(asked(request), &response(0));
    let parts = received(asked(request), &response(cuts));
    assert_eq!((&whole.headers, whole.passed), (&parts.headers, parts.passed));
    let is_stream = whole.content_type(content_type).starts_with("text/event-stream");
    if is_stream {
        // The second half of a line end that arrives by itself is a line more, which is empty.
        assert_eq!(events(&whole.body), events(&parts.body), "in pieces");
    } else {
        assert_eq!(text(&whole.body), text(&parts.body), "in pieces");
    }
    if !whole.passed {
        for message in client::messages(&whole.body, is_stream) {
            listed(&message);
        }
    }
}

/// The events that a client reads, without the ids of decisions: a change that was seen with an earlier
/// piece is not recorded again, so that the next record has another id.
fn events(body: &[u8]) -> Vec<(String, String)> {
    let without_ids = |text: &str| -> String {
        let mut parts = text.split(IDS);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.get(IDS_DIFFER..).unwrap_or_default())
    };
    let events = client::dispatched(body).into_iter();
    events.map(|event| (event.name, without_ids(&event.data))).collect()
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// Every tool that a client reads in a message is one that the caller can call.
fn listed(message: &str) {
    let Ok(message) = serde_json::from_str::<Value>(message) else { return };
    for message in message.as_array().map_or(std::slice::from_ref(&message), Vec::as_slice) {
        let Some(Value::Array(tools)) = message.get("result").and_then(|it| it.get("tools")) else {
            continue;
        };
        for tool in tools {
            let name = tool["name"].as_str().expect("a tool has a name");
            assert!(SHOWN.contains(&name), "{tool}");
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let list = |tools: &Value| json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools, "cacheScope": "public" } });
    let changed = json!([{ "name": "get", "description": "Get anything." }, { "name": "x" }]);
    let lists =
        [list(&small::listed()), list(&changed), list(&json!({})), json!([list(&small::listed())])];
    let data =
        json!({ "email": "a@b", "people": [{ "email": "c" }], "card": { "number": "4711" } });
    let texts =
        json!([{ "type": "text", "text": data.to_string() }, { "type": "text", "text": "a@b" }]);
    let results = [
        json!({ "structuredContent": data, "content": texts }),
        json!({ "content": texts, "isError": true, "_meta": { "a": 1 } }),
        json!({ "capabilities": {}, "serverInfo": {} }),
    ];
    let results = results.map(|result| json!({ "jsonrpc": "2.0", "id": "x", "result": result }));
    let notes = [
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progress": 1, "message": "a" } }),
        json!({ "jsonrpc": "2.0", "id": "x", "error": { "code": -1, "message": "a" } }),
    ];
    let mut seeds = Vec::new();
    for message in lists.iter().chain(&results).chain(&notes) {
        let stream =
            format!(": a\n\nid: 1\r\ndata: {message}\r\n\r\nevent: endpoint\ndata: /m\n\n");
        let pretty = format!("{message:#}").replace('\n', "\ndata: ");
        let lines = format!("event: message\ndata: {pretty}\n\n");
        for request in (0..).take(REQUESTS.len()) {
            let seed = |kind: u8, body: &str| [&[request, kind, 0, 3], body.as_bytes()].concat();
            seeds.extend([seed(0, &message.to_string()), seed(1, &stream), seed(1, &lines)]);
        }
    }
    seeds
}
