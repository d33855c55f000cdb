//! Data that arrives later than its call was forwarded, and what clears its label.

use super::remembered::{answered, arrive, asked, gate};
use super::responses::{EVENTS, JSON};
use super::*;
use crate::memory::Store;

const WORKS: &str = r#"{"jsonrpc":"2.0","id":"x","result":{"content":[]}}"#;

fn refund() -> String {
    call("refund", r#"{"amount":1}"#)
}

type Fields<'f> = &'f [(&'f str, &'f str)];

/// Clears the label of refunds.
fn get() -> String {
    call("get", r#"{"id":"p"}"#)
}

/// Whether another refund is refused because of the label of an earlier one.
fn is_labelled(gate: &Gate, store: &Store, now: u64) -> bool {
    let mut copy = store.clone();
    let reason = answered(gate, &mut copy, &refund(), now, WORKS);
    assert!([Reason::Permitted, Reason::Forbidden].contains(&reason), "{reason:?}");
    reason == Reason::Forbidden
}

#[test]
fn data_that_arrives_after_its_label_was_cleared_has_the_label_again() {
    let (gate, mut store) = (gate(|_| ()), Store::default());
    let (slow, _) = asked(&gate, &mut store, (&POST, &refund()), 1000);
    assert_eq!(answered(&gate, &mut store, &get(), 2000, WORKS), Reason::Permitted);
    assert!(!is_labelled(&gate, &store, 3000));
    arrive(&gate, &mut store, &slow, 4000);
    assert!(is_labelled(&gate, &store, 5000));
    // What was decided before the data arrived has not looked at it.
    let (mut early, _) = asked(&gate, &mut store, (&POST, &get()), 6000);
    arrive(&gate, &mut store, &slow, 6100);
    let cleared: Vec<_> = early.succeeding().cloned().collect();
    for lesson in &cleared {
        super::remembered::learn(&gate, &mut store, lesson, 6200);
    }
    assert!(is_labelled(&gate, &store, 7000));
    assert!(early.learned().is_empty());
    assert_eq!(answered(&gate, &mut store, &get(), 8000, WORKS), Reason::Permitted);
    assert!(!is_labelled(&gate, &store, 9000));
}

#[test]
fn what_arrives_of_a_task_or_of_a_resumed_stream_may_be_anything() {
    let gate =
        gate(|document| document["manifest"]["mcp"] = json!({ "methods": ["tasks/result"] }));
    let task = r#"{"jsonrpc":"2.0","id":"t","method":"tasks/result","params":{"taskId":"1"}}"#;
    let stream = [(":method", "GET"), (":path", "/pay/mcp"), ("accept", "text/event-stream")];
    let resumed = [&stream[..], &[("last-event-id", "7")]].concat();
    let requests: [(Fields<'_>, &str, bool); 3] =
        [(&POST, task, true), (&resumed, "", true), (&stream, "", false)];
    for (fields, body, labels) in requests {
        let mut store = Store::default();
        assert_eq!(answered(&gate, &mut store, &refund(), 1000, WORKS), Reason::Permitted);
        assert_eq!(answered(&gate, &mut store, &get(), 2000, WORKS), Reason::Permitted);
        let (exchange, effects) = asked(&gate, &mut store, (fields, body), 3000);
        assert!(matches!(effects.ending, Ending::Forward(_)), "{body}");
        arrive(&gate, &mut store, &exchange, 4000);
        assert_eq!(is_labelled(&gate, &store, 5000), labels, "{fields:?} {body}");
    }
}

/// Most responses then need no write.
#[test]
fn a_label_that_was_attached_just_now_is_not_written_again() {
    let (gate, mut store) = (gate(|_| ()), Store::default());
    let (exchange, _) = asked(&gate, &mut store, (&POST, &refund()), 1000);
    let plan = gate.bundle.memory.as_ref().unwrap();
    let lesson = exchange.arriving().next().unwrap();
    let writes = |store: &Store, now| {
        let recalled = store.recall(&[lesson.slot()], now, Vec::new());
        plan.learn(lesson, &recalled.slots[0].1, now).is_some()
    };
    assert!(!writes(&store, 1999));
    assert!(writes(&store, 2000));
    asked(&gate, &mut store, (&POST, &get()), 1500);
    assert!(writes(&store, 1600));
}

/// The result is that of the outer call.
#[test]
fn an_inner_call_clears_nothing() {
    let gate = gate(|document| {
        let digest = document["tools"]["pay"][0]["digest"].clone();
        let input = json!({ "type": "object", "properties": {
            "name": { "type": "string" }, "arguments": { "type": "object" },
        } });
        let tool = json!({ "name": "call", "digest": digest, "inputSchema": input });
        document["tools"]["pay"].as_array_mut().unwrap().push(tool);
        document["manifest"]["servers"]["pay"]["tools"]["call"] =
            json!({ "wraps": { "tool": "name", "arguments": "arguments" } });
        document["layers"]["org"].as_array_mut().unwrap().push(json!({ "id": "calls", "source":
            r#"@id("calls") permit (principal, action == Action::"pay/call", resource);"# }));
    });
    let mut store = Store::default();
    let inner = call("call", r#"{"name":"get","arguments":{"id":"p"}}"#);
    assert_eq!(answered(&gate, &mut store, &refund(), 1000, WORKS), Reason::Permitted);
    assert_eq!(answered(&gate, &mut store, &inner, 2000, WORKS), Reason::Permitted);
    assert!(is_labelled(&gate, &store, 3000));
    // What it returns arrives with the outer result.
    let inner = call("call", r#"{"name":"refund","arguments":{"amount":1}}"#);
    assert_eq!(answered(&gate, &mut store, &get(), 4000, WORKS), Reason::Permitted);
    let (slow, _) = asked(&gate, &mut store, (&POST, &inner), 5000);
    assert_eq!(answered(&gate, &mut store, &get(), 6000, WORKS), Reason::Permitted);
    arrive(&gate, &mut store, &slow, 7000);
    assert!(is_labelled(&gate, &store, 8000));
}

/// Whatever it is, a response that is read for its success alone passes as it is.
#[test]
fn what_cannot_be_read_passes_and_clears_nothing() {
    let mut gate = gate(|_| ());
    gate.bundle.limits.response_bytes = 1000;
    let event = format!("event: message\ndata: {WORKS}\n\n");
    let other = event.replace("message", "other");
    let long = WORKS.to_owned() + &" ".repeat(1000);
    let encoded = [&JSON[..], &[("content-encoding", "gzip")]].concat();
    let text = [(":status", "200"), ("content-type", "text/plain")];
    let responses: [(Fields<'_>, &str, bool); 7] = [
        (&JSON, WORKS, true),
        (&EVENTS, &event, true),
        (&EVENTS, &other, false),
        (&JSON, &long, false),
        (&JSON, "{\"jsonrpc\":\"2.0\"", false),
        (&encoded, WORKS, false),
        (&text, WORKS, false),
    ];
    for (fields, body, clears) in responses {
        let (mut exchange, _) = asked(&gate, &mut Store::default(), (&POST, &get()), 1000);
        let (first, rest) = body.as_bytes().split_at(10);
        let got = responses::answered(&mut exchange, &gate, fields, &[first, rest]);
        assert!(got.headers.is_empty() && ["", body].contains(&&*got.body), "{got:?}");
        assert_eq!(!exchange.learned().is_empty(), clears, "{fields:?} {body}");
    }
}

/// So that its records say what the bundle would do in force.
#[test]
fn a_bundle_in_shadow_clears_labels_and_leaves_responses_alone() {
    let gate = gate(|document| document["manifest"]["mode"] = json!("shadow"));
    let mut store = Store::default();
    let shadow = |store: &mut Store, now| {
        let (_, effects) = asked(&gate, store, (&POST, &refund()), now);
        effects.records[0].shadow.as_ref().unwrap().reason
    };
    assert_eq!(shadow(&mut store, 1000), Reason::Permitted);
    assert_eq!(shadow(&mut store, 2000), Reason::Forbidden);
    let (mut exchange, _) = asked(&gate, &mut store, (&POST, &get()), 3000);
    let fields = [(":status", "200"), ("content-type", "application/json")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let head = Head::new(fields.into());
    let room = Room::default();
    let headers = exchange.respond(&gate, ResponseEvent::Headers(&head, false, room));
    let changed = crate::gate::ChangedTools::default();
    let (first, last) = WORKS.split_at(20);
    let parts = [(first, false), (last, true)];
    let steps = parts.map(|(part, end)| {
        exchange.respond(&gate, ResponseEvent::Body(part.as_bytes(), end, &changed))
    });
    for step in [headers].into_iter().chain(steps) {
        assert!(matches!(step, ResponseStep::Pass), "{step:?}");
    }
    let learned = exchange.learned();
    for lesson in &learned {
        super::remembered::learn(&gate, &mut store, lesson, 3000);
    }
    assert_eq!(shadow(&mut store, 4000), Reason::Permitted);
}
