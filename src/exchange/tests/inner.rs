//! A call inside a call: decided and recorded as if it were made directly.

use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::*;
use crate::decide::Question;
use crate::identity::Identity;

/// The fixture with a tool that runs the others, with arguments as an object and as text.
fn document(wraps: bool) -> Value {
    let mut document = fixture::document_json();
    let digest = document["tools"]["pay"][0]["digest"].clone();
    let tool = |name: &str, kind: &str| {
        let input = json!({ "type": "object", "properties": {
            "name": { "type": ["string", "null"] }, "why": { "type": "string" }, "arguments": { "type": kind },
        } });
        json!({ "name": name, "digest": digest, "inputSchema": input })
    };
    let tools = document["tools"]["pay"].as_array_mut().unwrap();
    tools.extend([tool("call", "object"), tool("call_text", "string")]);
    for name in ["call", "call_text"] {
        let mark = json!({ "tool": "name", "arguments": "arguments" });
        document["manifest"]["servers"]["pay"]["tools"][name] =
            if wraps { json!({ "wraps": mark }) } else { json!({ "opaque": ["arguments"] }) };
    }
    let source = r#"@id("calls") permit (principal, action in [Action::"pay/call", Action::"pay/call_text"], resource) unless { context.input has why && context.input.why == "bad" };"#;
    let calls = json!({ "id": "calls", "source": source });
    document["layers"]["org"].as_array_mut().unwrap().push(calls);
    document
}

fn gate_of(document: Value) -> Gate {
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    Gate { bundle, ..fixture::gate() }
}

fn gate() -> Gate {
    gate_of(document(true))
}

/// The body of a call of `name` inside a call of `tool`.
fn wrapped(tool: &str, name: &str, arguments: &str) -> String {
    let text = if tool == "call" { arguments.to_owned() } else { json!(arguments).to_string() };
    call(tool, &format!(r#"{{"name":{},"arguments":{text}}}"#, json!(name)))
}

fn step(gate: &Gate, body: &str) -> Step {
    run(gate, &POST, Some(fixture::claims()), body.as_bytes())
}

fn record(gate: &Gate, body: &str) -> Record {
    match step(gate, body) {
        Step::Done(mut effects) => effects.records.remove(0),
        other @ (Step::AwaitBody | Step::Drain | Step::Consult(_)) => panic!("{other:?}"),
    }
}

#[test]
fn both_calls_are_permitted_and_recorded() {
    let digest = |value: Value| crate::digest::Digest::of_bytes(value.to_string().as_bytes());
    for tool in ["call", "call_text"] {
        let body = wrapped(tool, "refund", r#"{ "note": "secret", "amount": 5 }"#);
        let forward = forwarded(step(&gate(), &body));
        assert_eq!(forward.permits.iter().count(), 1);
        let line: Value = serde_json::from_str(&forward.records[0].to_line()).unwrap();
        assert_eq!(line["policies"], json!(["calls", "refunds"]));
        assert_eq!((&line["tool"], &line["classes"]), (&json!(format!("pay/{tool}")), &json!([])));
        let shown = json!({ "note": "[redacted]", "amount": 5 });
        assert_eq!(
            line["inner"],
            json!({
                "tool": "pay/refund", "tool_name": null, "classes": ["money"], "data_class": null,
                "operation": null, "cost": 3, "arguments": shown,
                "arguments_digest": digest(json!({ "amount": 5, "note": "secret" })),
                "resource": "Server::\"pay\"",
            })
        );
        let text = r#"{"note":"[redacted]","amount":5}"#;
        let outer = if tool == "call" { shown } else { json!(text) };
        assert_eq!(line["arguments"], json!({ "name": "refund", "arguments": outer }));
        assert!(!format!("{:?}{line}", forward.headers).contains("secret"));
        let object = crate::record::to_object(&forward.records);
        assert!(String::from_utf8_lossy(&object).contains("inner_tool"));
    }
}

#[track_caller]
fn check(body: &str, reason: Reason, policies: &[&str], inner: Option<&str>, words: &str) {
    let gate = gate();
    let (refusal, reply) = refused(step(&gate, body));
    let [record] = &refusal.records[..] else { panic!("{body}") };
    assert_eq!(
        (record.reason, record.policies.as_slice()),
        (reason, policies.map_owned().as_slice())
    );
    assert_eq!(record.inner.as_ref().map(|inner| &*inner.tool), inner, "{body}");
    let text = reply["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(words), "{text}");
    assert!(!record.to_line().contains("secret"), "{}", record.to_line());
}

trait Owned {
    fn map_owned(&self) -> Vec<String>;
}

impl Owned for [&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[test]
fn a_refusal_says_which_call_it_is_about() {
    use Reason::{Forbidden, InvalidArguments, NestedCall, NotPermitted, UnknownTool};
    let refund = |tool, arguments| wrapped(tool, "refund", arguments);
    for tool in ["call", "call_text"] {
        let inner = Some("pay/refund");
        let words = "in the inner call, At most 500. Ask finance. Decision";
        check(
            &refund(tool, r#"{"amount":501,"note":"secret"}"#),
            Forbidden,
            &["limit"],
            inner,
            words,
        );
        let words = "in the inner call, argument `amount` is required";
        check(&refund(tool, r#"{"note":"secret"}"#), InvalidArguments, &[], inner, words);
        check(
            &refund(tool, r#"{"amount":1,"secret":2}"#),
            InvalidArguments,
            &[],
            inner,
            "not known",
        );
        let words = "in the inner call, this tool is not in the inventory";
        check(
            &wrapped(tool, "refund ", r#"{"k":"secret"}"#),
            UnknownTool,
            &[],
            Some("pay/refund "),
            words,
        );
        check(
            &wrapped(tool, "Refund", r#"{"k":"secret"}"#),
            UnknownTool,
            &[],
            Some("pay/Refund"),
            words,
        );
        let words = "the inner call may not have an inner call itself";
        let nested = r#"{"name":"refund","arguments":{"amount":1}}"#;
        check(&wrapped(tool, "call", nested), NestedCall, &[], Some("pay/call"), words);
        for arguments in ["{}", r#"{"name":null}"#, r#"{"arguments":{"k":"secret"}}"#] {
            let found = if tool == "call_text" {
                arguments.replace("{\"k\":\"secret\"}", "\"secret\"")
            } else {
                arguments.to_owned()
            };
            check(&call(tool, &found), InvalidArguments, &[], None, "argument `name` is required");
        }
        check(&call(tool, r#"{"name":1}"#), InvalidArguments, &[], None, "`name` must be a string");
        check(
            &call(tool, r#"{"name":"refund","why":"bad"}"#),
            NotPermitted,
            &[],
            inner,
            "no policy permits this call",
        );
        check(
            &call(tool, r#"{"name":"get"}"#),
            InvalidArguments,
            &[],
            Some("pay/get"),
            "in the inner call, argument `id` is required",
        );
    }
    let text = call("call", r#"{"name":"refund","arguments":"{\"note\":\"secret\"}"}"#);
    check(
        &text,
        InvalidArguments,
        &[],
        Some("pay/refund"),
        "argument `arguments` must be an object",
    );
    let twice = refund("call_text", r#"{"amount":1,"amount":2,"note":"secret"}"#);
    check(&twice, InvalidArguments, &[], Some("pay/refund"), "duplicate key");
}

#[test]
fn nothing_of_an_inner_call_is_revealed_where_refusals_conceal() {
    let mut document = document(true);
    document["manifest"]["refusal"] = json!({ "style": "conceal" });
    let gate = gate_of(document);
    let bodies = [
        wrapped("call", "refund", r#"{"amount":501}"#),
        wrapped("call", "refund", "{}"),
        wrapped("call", "nothing", "{}"),
        wrapped("call", "call", "{}"),
    ];
    let replies = bodies.map(|body| refused(step(&gate, &body)).1);
    assert_eq!(replies[0]["error"]["message"], "Unknown tool: call");
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
}

#[test]
fn an_inner_call_is_decided_in_batches_and_in_shadow() {
    let gate = gate();
    let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
    let first = wrapped("call", "refund", r#"{"amount":1}"#);
    let second = wrapped("call", "refund", r#"{"amount":501}"#).replacen("\"x\"", "2", 1);
    let body = format!("[{first},{second}]");
    let (refusal, _) = refused(run(&gate, &fields, Some(fixture::claims()), body.as_bytes()));
    let reasons: Vec<Reason> = refusal.records.iter().map(|record| record.reason).collect();
    assert_eq!(reasons, [Reason::BatchRefused, Reason::Forbidden]);
    // The policy that forbids the inner call, and the one that permits the outer one, in shadow.
    for (policy, id, outcome) in
        [(2, "limit", Reason::Permitted), (3, "calls", Reason::NotPermitted)]
    {
        let mut document = document(true);
        let policy = &mut document["layers"]["org"][policy];
        assert_eq!(policy["id"], id);
        let source = policy["source"].as_str().unwrap().replacen("@id", "@mode(\"shadow\") @id", 1);
        policy["source"] = json!(source);
        let record = record(&gate_of(document), &wrapped("call", "refund", r#"{"amount":501}"#));
        assert_eq!((record.reason, record.shadow.unwrap().reason), (outcome, Reason::Forbidden));
    }
}

/// Sends the Cedar requests of a call (`false`) and of its inner call (`true`).
#[derive(Debug)]
struct Seen(Sender<(bool, String)>);

impl Seen {
    fn see(&self, is_inner: bool, question: &Question<'_>) {
        let request = question.in_cedar().unwrap();
        self.0.send((is_inner, format!("{:?}", request.request()))).unwrap();
    }
}

impl Observer for Seen {
    fn asked(&self, _: usize, _: &Identity, question: &Question<'_>) {
        self.see(false, question);
    }

    fn asked_inner(&self, _: usize, question: &Question<'_>) {
        self.see(true, question);
    }
}

/// The record of a body, and the Cedar requests.
fn seen(gate: &Gate, claims: &Value, body: &str) -> (Record, [Option<String>; 2]) {
    let (sender, seen) = channel();
    let mut exchange = Exchange::observed(Rc::new(Seen(sender)));
    exchange.step(gate, Event::Headers(&arrival(&POST, Some(claims.clone()))));
    let Step::Done(mut effects) = exchange.step(gate, Event::End(body.as_bytes())) else {
        panic!("there is a body")
    };
    let mut requests = [None, None];
    for (is_inner, request) in seen.try_iter() {
        requests[usize::from(is_inner)] = Some(request);
    }
    (effects.records.remove(0), requests)
}

fn arguments() -> impl Strategy<Value = String> {
    let amount = prop_oneof![Just(499), Just(500), Just(501), Just(-1)];
    let member = prop_oneof![
        amount.prop_map(|amount| format!("\"amount\": {amount}")),
        Just("\"amount\":1.0e0".to_owned()),
        Just("\"\\u0061mount\":1".to_owned()),
        Just("\"amount\":9007199254740993".to_owned()),
        Just("\"amount\":null".to_owned()),
        Just("\"note\":\"\\\"x\"".to_owned()),
        Just("\"id\":\"p-1\"".to_owned()),
        Just("\"Amount\":1".to_owned()),
    ];
    prop::collection::btree_set(member, 0..3).prop_filter_map("one of each name", |members| {
        let text = format!("{{{}}}", Vec::from_iter(members).join(", "));
        crate::json::read_body(text.as_bytes(), 9, 99).is_ok().then_some(text)
    })
}

#[test]
fn a_call_passes_if_both_calls_do() {
    let (gate, alone) = (gate(), gate_of(document(false)));
    let tool = prop_oneof![Just("call"), Just("call_text")];
    let name = prop_oneof![Just("get"), Just("refund"), Just("refund"), Just("re"), Just("call")];
    let why = prop_oneof![Just("good"), Just("bad")];
    let roles = prop_oneof![Just(json!(["rep"])), Just(json!(["rep"])), Just(json!([]))];
    let mut runner = TestRunner::default();
    let checked =
        runner.run(&(arguments(), tool, name, why, roles), |(text, tool, name, why, roles)| {
            let mut claims = fixture::claims();
            claims["roles"] = roles;
            let carried = if tool == "call" { text.clone() } else { json!(text).to_string() };
            let body =
                call(tool, &format!(r#"{{"why":"{why}","name":"{name}","arguments":{carried}}}"#));
            let (record, [outer, inner]) = seen(&gate, &claims, &body);
            let (outer_record, [outer_alone, _]) = seen(&alone, &claims, &body);
            let (direct, [asked, _]) = seen(&gate, &claims, &call(name, &text));
            let is_nested = name == "call";
            let permitted = |record: &Record| record.reason == Reason::Permitted;
            let expected = permitted(&outer_record) && permitted(&direct) && !is_nested;
            prop_assert_eq!(permitted(&record), expected, "{}", body);
            prop_assert_eq!(outer, outer_alone);
            prop_assert_eq!(&record.arguments_digest, &outer_record.arguments_digest);
            if permitted(&outer_record) && !is_nested {
                prop_assert_eq!(inner, asked);
                prop_assert_eq!(record.reason, direct.reason);
            }
            let recorded = record.inner.unwrap();
            prop_assert_eq!(Some(recorded.tool), direct.tool);
            if !is_nested && direct.reason != Reason::UnknownTool {
                prop_assert_eq!(recorded.arguments_digest, direct.arguments_digest);
                prop_assert_eq!(recorded.arguments, direct.arguments);
                prop_assert_eq!(recorded.resource, direct.resource);
            }
            Ok(())
        });
    checked.unwrap();
}

/// What is known of the inner tool holds for the call that runs it.
#[test]
fn an_inner_tool_that_changed_is_not_called() {
    let gate = gate();
    let tool = gate.bundle.tool("pay", "get").unwrap();
    let change = crate::gate::Change::new(&gate.bundle, tool, tool.pin().digest().clone());
    let mut changed = crate::gate::ChangedTools::default();
    changed.add(&[change], &gate.bundle);
    let arrival = Arrival { changed: changed.into(), ..arrival(&POST, Some(fixture::claims())) };
    let mut exchange = Exchange::default();
    exchange.step(&gate, Event::Headers(&arrival));
    let body = wrapped("call", "get", r#"{"id":"p"}"#);
    let Step::Done(effects) = exchange.step(&gate, Event::End(body.as_bytes())) else { panic!() };
    assert_eq!(effects.records[0].reason, Reason::ToolChanged);
    assert!(matches!(effects.ending, Ending::Reply(_)));
}

#[test]
fn a_result_with_labels_of_the_inner_tool_is_withheld_wholly() {
    use super::responses::{JSON, answered, asked};
    let mut document = document(true);
    document["manifest"]["servers"]["pay"]["tools"]["get"] =
        json!({ "labels": { "pii": ["email"] } });
    let gate = gate_of(document);
    let body = wrapped("call", "get", r#"{"id":"p"}"#);
    let (mut exchange, _) = asked(&gate, &POST, &body);
    let result = json!({ "structuredContent": { "inner": { "email": "canary" } }, "content": [] });
    let result = json!({ "jsonrpc": "2.0", "id": "x", "result": result }).to_string();
    let got = answered(&mut exchange, &gate, &JSON, &[result.as_bytes()]);
    assert!(!got.body.contains("canary") && got.body.contains("[withheld: pii]"), "{}", got.body);
    assert_eq!(record(&gate, &body).masked.as_ref(), ["pii"]);
}
