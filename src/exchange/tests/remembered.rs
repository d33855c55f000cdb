//! What responses change of what is remembered.

use super::*;
use crate::memory::{Lesson, Store};

pub(super) fn gate(change: impl FnOnce(&mut Value)) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["history"] = json!({ "windows": { "hour": "1h" } });
    document["manifest"]["servers"]["pay"]["tools"] =
        json!({ "refund": { "carries": ["seen"] }, "get": { "clears": ["seen"] } });
    document["layers"]["org"].as_array_mut().unwrap().push(json!({ "id": "once", "source":
        r#"@id("once") forbid (principal, action == Action::"pay/refund", resource) when { context.history.hour.tools["pay/refund"].calls > 0 && context.history.labels.seen.attached };"# }));
    change(&mut document);
    let document = serde_json::from_value(document).unwrap();
    let loaded = crate::bundle::load(&document);
    Gate::new(loaded.unwrap_or_else(|it| panic!("{it:#?}")).bundle, "test".to_owned())
}

/// Makes a call, which the server answers with this message; returns its reason.
pub(super) fn answered(
    gate: &Gate,
    store: &mut Store,
    body: &str,
    now: u64,
    answer: &str,
) -> Reason {
    answered_with("200", gate, store, (body, answer), now)
}

/// The same, with an HTTP status.
fn answered_with(
    status: &str,
    gate: &Gate,
    store: &mut Store,
    (body, answer): (&str, &str),
    now: u64,
) -> Reason {
    let (mut exchange, effects) = asked(gate, store, (&POST, body), now);
    arrive(gate, store, &exchange, now);
    if exchange.looks_at_response() {
        let fields = [(":status", status), ("content-type", "application/json")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let head = ResponseEvent::Headers(&Head::new(fields.into()), false, Room::default());
        exchange.respond(gate, head);
        let changed = crate::gate::ChangedTools::default();
        exchange.respond(gate, ResponseEvent::Body(answer.as_bytes(), true, &changed));
        for lesson in exchange.learned() {
            learn(gate, store, &lesson, now);
        }
    }
    effects.records[0].reason
}

/// Sends a request, and stores what it changes.
pub(super) fn asked(
    gate: &Gate,
    store: &mut Store,
    (fields, body): (&[(&str, &str)], &str),
    now: u64,
) -> (Exchange, Effects) {
    let mut exchange = Exchange::default();
    exchange.step(gate, Event::Headers(&arrival(fields, Some(fixture::claims()))));
    let Step::Done(effects) = exchange.end(gate, body.as_bytes(), store, now) else { panic!() };
    assert!(effects.memory.iter().all(|write| store.write(write)));
    (exchange, effects)
}

/// The next part of the response arrives.
pub(super) fn arrive(gate: &Gate, store: &mut Store, exchange: &Exchange, now: u64) {
    exchange.arriving().for_each(|lesson| learn(gate, store, lesson, now));
}

pub(super) fn learn(gate: &Gate, store: &mut Store, lesson: &Lesson, now: u64) {
    let recalled = store.recall(&[lesson.slot()], now, Vec::new());
    let plan = gate.bundle.memory.as_ref().unwrap();
    let write = plan.learn(lesson, &recalled.slots[0].1, now);
    assert!(write.iter().all(|write| store.write(write)));
}

#[test]
fn a_label_is_cleared_by_a_result_alone() {
    let gate = gate(|_| ());
    let (refund, get) = (call("refund", r#"{"amount":1}"#), call("get", r#"{"id":"p"}"#));
    let answer =
        |members: Value| json!({ "jsonrpc": "2.0", "id": "x", "result": members }).to_string();
    let works = answer(json!({ "content": [] }));
    for (answer, reason) in [
        (works.clone(), Reason::Permitted),
        (answer(json!({ "content": [], "isError": true })), Reason::Forbidden),
        (answer(json!({ "content": [], "isError": 1 })), Reason::Forbidden),
        (answer(json!({ "content": [], "resultType": "complete" })), Reason::Permitted),
        (answer(json!({ "resultType": "input_required" })), Reason::Forbidden),
        (
            answer(json!({ "resultType": "task", "taskId": "t", "status": "working" })),
            Reason::Forbidden,
        ),
        (answer(json!({ "task": { "taskId": "t", "status": "working" } })), Reason::Forbidden),
        (
            r#"{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"no"}}"#.to_owned(),
            Reason::Forbidden,
        ),
        (r#"{"jsonrpc":"2.0","id":"y","result":{"content":[]}}"#.to_owned(), Reason::Forbidden),
        // The first response is the one that counts.
        (
            r#"[{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"no"}},{"jsonrpc":"2.0","id":"x","result":{}}]"#.to_owned(),
            Reason::Forbidden,
        ),
    ] {
        let mut store = Store::default();
        let mut call =
            |body: &str, now, answer: &str| answered(&gate, &mut store, body, now, answer);
        assert_eq!(call(&refund, 1000, &works), Reason::Permitted);
        assert_eq!(call(&refund, 2000, &works), Reason::Forbidden);
        assert_eq!(call(&get, 3000, &answer), Reason::Permitted);
        assert_eq!(call(&refund, 4000, &works), reason, "{answer}");
    }
}

/// A server that fails has reviewed nothing, whatever it writes.
#[test]
fn a_label_stays_if_the_server_fails() {
    let gate = gate(|_| ());
    let (refund, get) = (call("refund", r#"{"amount":1}"#), call("get", r#"{"id":"p"}"#));
    let works = r#"{"jsonrpc":"2.0","id":"x","result":{"content":[]}}"#;
    for (status, reason) in [("200", Reason::Permitted), ("500", Reason::Forbidden)] {
        let mut store = Store::default();
        answered(&gate, &mut store, &refund, 1000, works);
        answered_with(status, &gate, &mut store, (&get, works), 2000);
        assert_eq!(answered(&gate, &mut store, &refund, 3000, works), reason, "{status}");
    }
}

/// In whichever of the two bundles memory is, and also if the bundle in force decides twice.
#[test]
fn a_candidate_decides_with_memory_and_without() {
    let without = || fixture::bundle();
    let with = || gate(|_| ()).bundle;
    let gate = |remembers: bool| if remembers { with() } else { without() };
    for remembers in [[true, false], [false, true], [true, true]] {
        let [bundle, candidate] = remembers.map(gate);
        let gate = Gate::new(bundle, "test".to_owned()).beside(Some(candidate));
        let mut exchange = Exchange::default();
        exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
        let body = call("refund", r#"{"amount":1}"#);
        for _ in 0..if gate.bundle.memory.is_some() { 2 } else { 1 } {
            let step = exchange.end(&gate, body.as_bytes(), &Store::default(), 1);
            let forward = forwarded(step);
            let candidate = forward.records[0].candidate.as_ref().unwrap();
            assert_eq!(candidate.outcome.reason, Reason::Permitted);
        }
    }
}

/// Where the bundle in force decides again, a candidate that has refused before the body does not.
#[test]
fn a_candidate_that_refuses_at_the_headers_does_so_for_good() {
    let mut document = fixture::document_json();
    document["manifest"]["history"] = json!({ "windows": { "hour": "1h" } });
    document["manifest"]["channels"] = json!([{ "path": "/other", "server": "pay" }]);
    let candidate = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let gate = gate(|_| ()).beside(Some(candidate));
    let mut exchange = Exchange::default();
    exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
    for _ in 0..2 {
        let body = call("refund", r#"{"amount":1}"#);
        let forward = forwarded(exchange.end(&gate, body.as_bytes(), &Store::default(), 1));
        let candidate = forward.records[0].candidate.as_ref().unwrap();
        assert_eq!(candidate.outcome.reason, Reason::UnknownChannel);
    }
}

/// Whatever its name is, so that it can be compared before it takes the place of another bundle.
#[test]
fn a_candidate_reads_what_the_bundle_in_force_remembers() {
    let candidate = gate(|document| document["manifest"]["name"] = json!("another")).bundle;
    let gate = gate(|_| ()).beside(Some(candidate));
    let (mut store, body) = (Store::default(), call("refund", r#"{"amount":1}"#));
    for (now, reason) in [(1000, Reason::Permitted), (2000, Reason::Forbidden)] {
        let (_, effects) = asked(&gate, &mut store, (&POST, &body), now);
        let record = &effects.records[0];
        let candidate = record.candidate.as_ref().unwrap();
        assert_eq!((record.reason, candidate.outcome.reason), (reason, reason));
    }
}

/// Only a caller who may know that the tool exists is told when to try again.
#[test]
fn a_refusal_by_a_budget_says_when_to_try_again() {
    for (style, told) in [("tool_result", Some("3600")), ("conceal", None)] {
        let mut document = fixture::document_json();
        document["manifest"]["refusal"] = json!({ "style": style });
        document["manifest"]["budgets"] =
            json!({ "calls": { "per": ["principal"], "limit": 1, "window": "1h" } });
        let document = serde_json::from_value(document).unwrap();
        let gate = Gate::new(crate::bundle::load(&document).unwrap().bundle, "test".to_owned());
        let (mut store, body) = (Store::default(), call("get", r#"{"id":"p"}"#));
        assert_eq!(answered(&gate, &mut store, &body, 1000, ""), Reason::Permitted);
        let mut exchange = Exchange::default();
        exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
        let (refusal, _) = refused(exchange.end(&gate, body.as_bytes(), &store, 1000));
        assert_eq!(refusal.records[0].reason, Reason::BudgetExceeded);
        let mut headers = refusal.reply.headers.iter();
        let header = headers.find(|(name, _)| *name == "retry-after");
        assert_eq!(header.map(|(_, value)| value.as_str()), told, "{style}");
    }
}

/// For Cedar's evaluator, only what a policy reads of the past is made.
#[test]
fn a_policy_that_cedar_evaluates_reads_the_same_past() {
    let refund = call("refund", r#"{"amount":1}"#);
    let works = json!({ "jsonrpc": "2.0", "id": "x", "result": {} }).to_string();
    for condition in [
        r"context.history.hour.calls + 1 > 2",
        r#"context.history.hour.tools["pay/refund"].calls * 1 == 2"#,
        r"{ past: context.history }.past.hour.calls >= 2",
        r"context has history.hour && context.history.hour.calls >= 2",
        r"(if context has history then context.history else context.history).hour.calls >= 2",
        r#"context.history.hour.tools == context.history.hour.tools && context.history.hour.tools["pay/refund"].calls == 2"#,
        r#"context.history.labels.seen.attached && context.history.hour.tools["pay/refund"].calls * 1 > 1"#,
    ] {
        let gate = gate(|document| {
            let source = format!(
                r#"@id("cedar") forbid (principal, action, resource) when {{ {condition} }};"#
            );
            document["layers"]["org"][3] = json!({ "id": "cedar", "source": source });
        });
        let mut store = Store::default();
        let reasons = [1, 2, 3].map(|now| answered(&gate, &mut store, &refund, now, &works));
        assert_eq!(
            reasons,
            [Reason::Permitted, Reason::Permitted, Reason::Forbidden],
            "{condition}"
        );
    }
}

/// A label of a part is attached if policies show the part, and not if they withhold it.
#[test]
fn a_part_that_is_shown_attaches_its_label() {
    let get = call("get", r#"{"id":"p"}"#);
    let works = json!({ "jsonrpc": "2.0", "id": "x", "result": {} }).to_string();
    for (reveals, shadow, expected) in [
        ("true", false, Reason::Forbidden),
        ("false", false, Reason::Permitted),
        ("false", true, Reason::Shadow),
    ] {
        let gate = gate(|document| {
            document["manifest"]["servers"]["pay"]["tools"] =
                json!({ "get": { "labels": { "pii": ["email"] } } });
            if shadow {
                document["manifest"]["mode"] = json!("shadow");
            }
            let policies = [
                format!(
                    r#"@id("shows") permit (principal, action in Action::"reveal:pii", resource) when {{ {reveals} }};"#
                ),
                r#"@id("after") forbid (principal, action == Action::"pay/refund", resource) when { context.history.labels.pii.attached };"#.to_owned(),
            ];
            let policies = policies.into_iter().zip(["shows", "after"]);
            let org = document["layers"]["org"].as_array_mut().unwrap();
            org.pop();
            org.extend(policies.map(|(source, id)| json!({ "id": id, "source": source })));
        });
        let mut store = Store::default();
        answered(&gate, &mut store, &get, 1, &works);
        let refund = call("refund", r#"{"amount":1}"#);
        assert_eq!(answered(&gate, &mut store, &refund, 2, &works), expected, "{reveals} {shadow}");
    }
}
