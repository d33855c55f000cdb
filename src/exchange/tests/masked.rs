use super::responses::{EVENTS, Got, JSON, LIST, answered, asked};
use super::*;

const CANARY: &str = "ada@example.org";

/// The tool `get` has labels, and the caller may see those that `reveal` permits.
fn labelled(reveal: &str) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["servers"]["pay"]["tools"]["get"] =
        json!({ "labels": { "pii": ["email", "people[].email"], "card": ["card.number"] } });
    let policies = document["layers"]["org"].as_array_mut().unwrap();
    if !reveal.is_empty() {
        let source = format!(r#"@id("reveal") permit (principal, {reveal};"#);
        policies.push(json!({ "id": "reveal", "source": source }));
    }
    let document = serde_json::from_value(document).unwrap();
    let loaded = crate::bundle::load(&document).unwrap_or_else(|findings| {
        panic!("{}", findings.iter().map(ToString::to_string).collect::<String>())
    });
    Gate::new(loaded.bundle, "test".to_owned())
}

fn get() -> String {
    call("get", r#"{"id":"p"}"#)
}

/// What the caller of `get` receives of a result.
fn received(gate: &Gate, result: &Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": "x", "result": result }).to_string();
    let got = sent(gate, &JSON, &body);
    serde_json::from_str::<Value>(&got.body).unwrap()
}

fn sent(gate: &Gate, headers: &[(&str, &str)], body: &str) -> Got {
    let (mut exchange, _) = asked(gate, &POST, &get());
    answered(&mut exchange, gate, headers, &[body.as_bytes()])
}

#[test]
fn a_part_is_shown_only_if_policies_reveal_it() {
    let data = json!({ "email": CANARY, "card": { "number": "4711", "type": "x" }, "id": "p" });
    let text = json!([{ "type": "text", "text": data.to_string() }]);
    let result = json!({ "structuredContent": data, "content": text });
    let (pii, card) = ("[withheld: pii]", "[withheld: card]");
    for (reveal, email, number, revealed) in [
        ("", pii, card, json!([])),
        (r#"action in Action::"reveal:pii", resource)"#, CANARY, card, json!(["pii"])),
        (r#"action == Action::"pay/get/reveal:card", resource)"#, pii, "4711", json!(["card"])),
        (
            r#"action in Action::"reveal:card", resource) when { context.input.id == "other" }"#,
            pii,
            card,
            json!([]),
        ),
        (
            r#"action in Action::"reveal:card", resource) when { context.input.id == "p" }"#,
            pii,
            "4711",
            json!(["card"]),
        ),
    ] {
        let gate = labelled(reveal);
        let got = received(&gate, &result);
        let expected =
            json!({ "email": email, "card": { "number": number, "type": "x" }, "id": "p" });
        assert_eq!(got["result"]["structuredContent"], expected, "{reveal}");
        let text = got["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), expected, "{reveal}");
        let forward = forwarded(run(&gate, &POST, Some(fixture::claims()), get().as_bytes()));
        let record = serde_json::from_str::<Value>(&forward.records[0].to_line()).unwrap();
        assert_eq!(record["revealed"], revealed, "{reveal}");
        let masked = record["masked"].as_array().unwrap();
        assert_eq!(masked.len(), 2 - revealed.as_array().unwrap().len());
    }
}

#[test]
fn what_is_all_revealed_is_not_looked_at() {
    let all = r#"action in [Action::"reveal:pii", Action::"reveal:card"], resource)"#;
    let gate = labelled(all);
    assert!(!asked(&gate, &POST, &get()).0.looks_at_response());
    assert!(asked(&labelled(""), &POST, &get()).0.looks_at_response());
    let refund = call("refund", r#"{"amount":1}"#);
    assert!(!asked(&labelled(""), &POST, &refund).0.looks_at_response());
}

#[test]
fn a_canary_is_nowhere() {
    let gate = labelled("");
    let data = json!({ "email": CANARY, "people": [{ "email": CANARY }] });
    let text = |text: &str| json!({ "type": "text", "text": text });
    let prose = json!([text(&format!("The address is {CANARY}."))]);
    for result in [
        json!({ "structuredContent": data }),
        json!({ "structuredContent": data, "content": prose, "_meta": { "a": CANARY } }),
        json!({ "content": prose, "isError": true, "structuredContent": data }),
        json!({ "content": [text(&data.to_string())], "isError": true }),
        json!({ "content": [], "isError": true, "structuredContent": { "reason": CANARY } }),
        json!({ "content": [text(&data.to_string())] }),
        json!({ "content": [text(&json!({ "other": CANARY }).to_string())] }),
        json!({ "content": [text(&json!(CANARY).to_string())] }),
        json!({ "content": [{ "type": "resource_link", "uri": "x", "name": CANARY }] }),
        json!({ "content": [{ "type": "text", "text": "{}", "annotations": { "a": CANARY } }] }),
        json!({ "content": [], "more": CANARY, "resultType": CANARY }),
        json!({ "content": [CANARY] }),
        json!({ "task": { "statusMessage": CANARY } }),
        json!({ "tools": [{ "name": "get", "description": CANARY }] }),
        json!({ "content": CANARY }),
        json!(CANARY),
    ] {
        let message = json!({ "jsonrpc": "2.0", "id": "x", "result": result, "more": CANARY });
        let endpoint = format!(
            "event: endpoint\ndata: {CANARY},{message}\n\n\u{feff}event: endpoint\ndata: {message}\n\n"
        );
        let stream = format!(
            "{endpoint}: {CANARY}\nevent: {CANARY}\ndata: {message}\n\n: {CANARY}\n\nid: 1\ndata: {message}\n\n"
        );
        for (headers, body) in [(&JSON, message.to_string()), (&EVENTS, stream)] {
            let got = sent(&gate, headers, &body);
            assert!(!got.body.contains(CANARY), "{body}: {}", got.body);
            assert!(got.body.contains("\"x\""), "{body}: a client waits for it: {}", got.body);
        }
    }
}

#[test]
fn errors_and_notifications_keep_no_words() {
    let gate = labelled("");
    let message = |message: Value| {
        let body = format!("id: 3\ndata: {message}\n\n");
        sent(&gate, &EVENTS, &body).body
    };
    let error = json!({ "code": -1, "message": CANARY, "data": CANARY });
    let kept = message(json!({ "jsonrpc": "2.0", "id": "x", "error": error }));
    let note = r#"{"code":-1,"message":"[withheld: card, pii]"}"#;
    let error = format!(r#"{{"jsonrpc":"2.0","id":"x","error":{note}}}"#);
    assert_eq!(
        kept,
        format!(
            "id: 3
data: {error}

"
        )
    );
    let progress = json!({ "progressToken": 1, "progress": 2, "message": CANARY });
    let kept = message(
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": progress }),
    );
    assert!(kept.contains(r#""params":{"progressToken":1,"progress":2}"#), "{kept}");
    let log = json!({ "level": "info", "logger": format!("to {CANARY}"), "data": { "a": CANARY } });
    let kept =
        message(json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": log }));
    assert!(kept.contains(r#""params":{"level":"info","data":"[withheld: card, pii]"}"#), "{kept}");
    for method in ["sampling/createMessage", "elicitation/create", "notifications/other"] {
        let sent =
            json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "a": CANARY } });
        assert_eq!(message(sent), "");
    }
    let got = sent(&gate, &[(":status", "200"), ("content-type", "text/plain")], CANARY);
    assert!(!got.body.contains(CANARY), "{}", got.body);
    assert_eq!(got.records.last().unwrap()["reason"], "unreadable_response");
    let got = sent(&gate, &[(":status", "404"), ("content-type", "text/plain")], CANARY);
    assert_eq!(got.body, "");
    let is_status = |change: &HeaderChange| matches!(change, HeaderChange::Set(":status", _));
    assert!(!got.headers.iter().any(is_status), "clients begin a new session on 404");
}

#[test]
fn a_stream_of_unknown_calls_withholds_their_results() {
    const GET: [(&str, &str); 3] =
        [(":method", "GET"), (":path", "/pay/mcp"), ("accept", "text/event-stream")];
    let result = json!({ "content": [{ "type": "text", "text": CANARY }] });
    let result = json!({ "jsonrpc": "2.0", "id": 1, "result": result });
    let known =
        json!({ "jsonrpc": "2.0", "id": 2, "result": { "capabilities": {}, "serverInfo": {} } });
    let stream = format!("event: endpoint\ndata: /m\n\ndata: {known}\n\ndata: {result}\n\n");
    let got = |reveal: &str| {
        let gate = labelled(reveal);
        let (mut exchange, _) = asked(&gate, &GET, "");
        answered(&mut exchange, &gate, &EVENTS, &[stream.as_bytes()]).body
    };
    let shown = got("");
    assert!(!shown.contains(CANARY) && shown.contains("[withheld: card, pii]"), "{shown}");
    assert!(shown.contains("data: /m\n") && shown.contains("serverInfo"), "{shown}");
    let all = r#"action in [Action::"reveal:pii", Action::"reveal:card"], resource)"#;
    assert_eq!(got(all), stream);
    assert!(!got(&format!("{all} when {{ context.input.id == \"p\" }}")).contains(CANARY));
}

#[test]
fn lists_leave_out_the_schema_of_a_labelled_result() {
    let gate = labelled("");
    let mut tools = fixture::listed();
    let pinned = json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools } });
    let (mut exchange, _) = asked(&gate, &POST, LIST);
    let got = answered(&mut exchange, &gate, &JSON, &[pinned.to_string().as_bytes()]);
    assert!(!got.body.contains("outputSchema") && got.body.contains("\"get\""));
    tools[0]["outputSchema"] = json!({});
    tools[1]["outputSchema"] = json!({});
    let document = {
        let mut document = fixture::document_json();
        document["tools"]["pay"] = json!(crate::tool::read_tools(&tools).unwrap());
        document["manifest"]["servers"]["pay"]["tools"]["get"] =
            json!({ "labels": { "a": ["b"] } });
        serde_json::from_value(document).unwrap()
    };
    let gate = Gate::new(crate::bundle::load(&document).unwrap().bundle, "test".to_owned());
    let listed = json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools } });
    let (mut exchange, _) = asked(&gate, &POST, LIST);
    let got = answered(&mut exchange, &gate, &JSON, &[listed.to_string().as_bytes()]);
    let shown: Value = serde_json::from_str(&got.body).unwrap();
    let has_schema = |at: usize| shown["result"]["tools"][at].get("outputSchema").is_some();
    assert!(!has_schema(0) && has_schema(1));
}

#[test]
fn a_task_keeps_its_state_and_its_result_is_withheld() {
    let mut document = fixture::document_json();
    document["manifest"]["servers"]["pay"]["tools"]["get"] = json!({ "labels": { "pii": ["a"] } });
    document["manifest"]["mcp"]["methods"] = json!(["tasks/result", "tasks/get", "tasks/list"]);
    let document = serde_json::from_value(document).unwrap();
    let gate = Gate::new(crate::bundle::load(&document).unwrap().bundle, "test".to_owned());
    let got = |body: &str, result: &Value| {
        let (mut exchange, _) = asked(&gate, &POST, body);
        let response = json!({ "jsonrpc": "2.0", "id": "x", "result": result }).to_string();
        let got = answered(&mut exchange, &gate, &JSON, &[response.as_bytes()]).body;
        assert!(!got.contains(CANARY), "{got}");
        serde_json::from_str::<Value>(&got).unwrap()["result"].take()
    };
    let task = json!({ "taskId": "t", "status": "working", "statusMessage": CANARY });
    let plain = json!({ "taskId": "t", "status": "working" });
    assert_eq!(
        got(&get(), &json!({ "task": task, "_meta": { "a": CANARY } })),
        json!({ "task": plain })
    );
    let about = |method: &str| {
        let params = json!({ "taskId": "t" });
        json!({ "jsonrpc": "2.0", "id": "x", "method": method, "params": params }).to_string()
    };
    assert_eq!(got(&about("tasks/get"), &task), plain);
    let mut done = task.clone();
    done["result"] = json!({ "content": [{ "type": "text", "text": CANARY }] });
    got(&about("tasks/get"), &done);
    let result = json!({ "content": [{ "type": "text", "text": CANARY }] });
    let withheld = json!({ "content": [{ "type": "text", "text": "[withheld: pii]" }] });
    assert_eq!(got(&about("tasks/result"), &result), withheld);
    got(&about("tasks/list"), &json!({ "tasks": [task] }));
}
