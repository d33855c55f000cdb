mod approvals;
mod capabilities;
mod arriving;
mod assertions;
mod elsewhere;
mod failures;
mod global;
mod inexact;
mod inner;
mod limits;
mod listed_again;
mod masked;
mod lists;
mod methods;
mod names;
mod remembered;
mod replaced;
mod responses;
mod runaway;
mod sessions;
mod tasks;
mod resources;
mod watching;

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::decide::Permits;
use crate::fixture;
use crate::head::Head;
use crate::identity::{Attested, Evidence};
use crate::reason::Reason;
use crate::record::Record;
use crate::refusal::Reply;

const POST: [(&str, &str); 4] = [
    (":method", "POST"),
    (":path", "/pay/mcp?session=1"),
    (":authority", "pay.internal"),
    ("content-type", "application/json"),
];

fn arrival(fields: &[(&str, &str)], claims: Option<Value>) -> Arrival {
    let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect();
    Arrival {
        head: Head::new(fields),
        evidence: Ok(Evidence::from(Attested {
            tokens: claims.into_iter().map(|claims| ("session".to_owned(), claims)).collect(),
            peer: None,
        })),
        source_ip: Some("::ffff:10.0.0.1".parse().unwrap()),
        time: DateTime::from_timestamp_millis(1_795_219_200_123).unwrap(),
        entropy: 7,
        changed: std::sync::Arc::default(),
        approval: None,
    }
}

fn with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut fields = POST.to_vec();
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        fields.push((name, value));
    }
    fields
}

fn run(gate: &Gate, fields: &[(&str, &str)], claims: Option<Value>, body: &[u8]) -> Step {
    let mut exchange = Exchange::default();
    match exchange.step(gate, Event::Headers(&arrival(fields, claims))) {
        Step::AwaitBody => exchange.step(gate, Event::End(body)),
        step @ (Step::Drain | Step::Consult(_) | Step::Done(_)) => step,
    }
}

fn post(body: &str) -> Step {
    run(&fixture::gate(), &POST, Some(fixture::claims()), body.as_bytes())
}

fn call(name: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
    )
}

struct Forward {
    permits: Permits,
    headers: Vec<HeaderChange>,
    records: Vec<Record>,
}

struct Refusal {
    reply: Reply,
    records: Vec<Record>,
}

#[track_caller]
fn forwarded(step: Step) -> Forward {
    match step {
        Step::Done(Effects { ending: Ending::Forward(permits), headers, records, .. }) => {
            Forward { permits, headers, records }
        }
        other @ (Step::AwaitBody | Step::Drain | Step::Consult(_) | Step::Done(_)) => {
            panic!("{other:?}")
        }
    }
}

#[track_caller]
fn refused(step: Step) -> (Refusal, Value) {
    match step {
        Step::Done(Effects { ending: Ending::Reply(reply), records, .. }) => {
            let body = serde_json::from_slice(&reply.body).unwrap();
            (Refusal { reply, records }, body)
        }
        other @ (Step::AwaitBody | Step::Drain | Step::Consult(_) | Step::Done(_)) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn a_permitted_call_carries_its_decision_to_the_upstream() {
    let forward = forwarded(post(&call("refund", r#"{"amount":500,"note":"secret"}"#)));
    let [record] = &forward.records[..] else { panic!() };
    assert_eq!(
        (record.reason, record.policies.as_slice()),
        (Reason::Permitted, &["refunds".to_owned()][..])
    );
    let [HeaderChange::Set(decision, value), HeaderChange::Set(identity, who)] =
        &forward.headers[..]
    else {
        panic!()
    };
    assert_eq!((*decision, *identity), ("toolgate-decision", "toolgate-identity"));
    let digest = &record.bundle.digest;
    assert_eq!(
        *value,
        format!(
            r#"permit;reason=permitted;policy="refunds";bundle="fixture@3 {digest}";id="{}""#,
            record.id
        )
    );
    assert_eq!(who, r#"principal="User::\"alice\"", actor="Agent::\"bot\"", tenant="acme""#);
}

#[test]
fn every_field_of_a_record() {
    let forward = forwarded(post(&call("refund", r#"{"amount":500,"note":"secret"}"#)));
    let line = forward.records[0].to_line();
    assert!(!line.contains("secret"));
    let mut record: Value = serde_json::from_str(&line).unwrap();
    // Written apart, since the macro below has no room for them.
    for empty in ["revealed", "masked", "budgets"] {
        assert_eq!(record.as_object_mut().unwrap().remove(empty), Some(json!([])));
    }
    for absent in ["approval", "capabilities", "party"] {
        assert_eq!(record.as_object_mut().unwrap().remove(absent), Some(json!(null)));
    }
    let digest = |value: &Value| crate::digest::Digest::of(value).to_string();
    assert_eq!(
        record,
        json!({
            "schema": "toolgate.decision/1", "time": "2026-11-21T00:00:00.123Z",
            "id": record["id"], "event_class": "policy_decision", "decision": "PERMIT",
            "reason": "permitted", "detail": null, "policies": ["refunds"], "layer": "org",
            "mode": "enforce",
            "shadow_decision": null, "shadow": null, "candidate_decision": null, "candidate": null,
            "bundle": { "name": "fixture", "version": 3, "digest": fixture::bundle().id.digest },
            "principal": { "type": "User", "id": "alice", "tenant": "acme", "teams": [], "parents": ["Role::\"rep\""], "attributes": { "tenant": "acme" } },
            "actor": { "type": "Agent", "id": "bot", "chain": ["bot"], "profiles": [[]] },
            "token": { "name": "session", "issuer": "https://id", "scopes": [], "profiles": [], "client_profiles": [], "txn": null, "expires": null, "jti": null, "claims_digest": digest(&fixture::claims()) },
            "authority": "pay.internal", "path": "/pay/mcp", "server": "pay", "tool": "pay/refund", "tool_name": null, "method": "tools/call", "classes": ["money"],
            "data_class": null, "operation": null, "cost": 3,
            "arguments": { "amount": 500, "note": "[redacted]" },
            "arguments_digest": digest(&json!({ "amount": 500, "note": "secret" })),
            "resource": "Server::\"pay\"", "inner": null,
            "txn": null, "trace_id": null, "source_ip": "10.0.0.1", "environment": "test",
            "gate": { "node": "", "plugin": "", "vm": "" },
        })
    );
    let id = uuid::Uuid::parse_str(record["id"].as_str().unwrap()).unwrap();
    assert_eq!(id.get_version_num(), 7);
}

#[test]
fn a_forbidden_call_is_a_tool_result_that_says_whom_to_ask() {
    let (refusal, body) = refused(post(&call("refund", r#"{"amount":501}"#)));
    assert_eq!(refusal.reply.status, 200);
    assert_eq!((&body["id"], &body["result"]["isError"]), (&json!("x"), &json!(true)));
    assert_eq!(body["result"]["resultType"], "complete");
    let text = body["result"]["content"][0]["text"].as_str().unwrap();
    assert_eq!(
        text,
        format!(
            "Refused (forbidden): At most 500. Ask finance. Decision {}.",
            refusal.records[0].id
        )
    );
    assert_eq!(body["result"]["_meta"]["dev.toolgate/refusal"]["reason"], "forbidden");
    assert_eq!(refusal.records[0].layer, Some(crate::bundle::LayerName::Org));
}

#[test]
fn outcomes_of_calls() {
    for (body, reason) in [
        (call("get", r#"{"id":1}"#), Reason::InvalidArguments),
        (call("get", r#"{"id":"a","Id":"b"}"#), Reason::InvalidArguments),
        (call("get", "{}"), Reason::InvalidArguments),
        (
            call("refund", r#"{"amount":{"__entity":{"type":"User","id":"root"}}}"#),
            Reason::InvalidArguments,
        ),
        (call("drop", "{}"), Reason::UnknownTool),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get"}"#.to_owned(), Reason::MethodNotAllowed),
        (r#"{"jsonrpc":"2.0","method":"notifications/x"}"#.to_owned(), Reason::MethodNotAllowed),
        (r#"{"jsonrpc":"2.0"}"#.to_owned(), Reason::MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"id":2}"#.to_owned(), Reason::MalformedBody),
        (String::new(), Reason::MalformedBody),
        (" ".repeat(2001), Reason::BodyTooLarge),
    ] {
        let (refusal, _) = refused(post(&body));
        assert_eq!(refusal.records[0].reason, reason, "{body}");
    }
}

#[test]
fn housekeeping_passes_without_a_record() {
    for body in [
        r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        assert!(forwarded(post(body)).records.is_empty(), "{body}");
    }
}

#[test]
fn forged_headers_are_removed() {
    let fields = with(&[("toolgate-decision", "permit"), ("toolgate-anything", "1")]);
    let body = call("get", r#"{"id":"p"}"#);
    let forward =
        forwarded(run(&fixture::gate(), &fields, Some(fixture::claims()), body.as_bytes()));
    let remove = |name: &str| HeaderChange::Remove(name.to_owned());
    assert_eq!(forward.headers[..2], [remove("toolgate-anything"), remove("toolgate-decision")]);
}

/// How often a call runs, and when it is given up, is not for its caller to say.
#[test]
fn a_caller_gives_the_router_no_orders() {
    let fields = with(&[("x-envoy-retry-on", "5xx"), ("x-envoy-external-address", "1.2.3.4")]);
    let body = call("get", r#"{"id":"p"}"#);
    let forward =
        forwarded(run(&fixture::gate(), &fields, Some(fixture::claims()), body.as_bytes()));
    let removed = forward.headers.iter().filter(|it| matches!(it, HeaderChange::Remove(_)));
    let removed: Vec<_> = removed.collect();
    assert_eq!(removed, [&HeaderChange::Remove("x-envoy-retry-on".to_owned())]);
}

#[test]
fn transport_rules() {
    let gate = fixture::gate();
    let cases: [(&'static str, &'static str, Reason); 14] = [
        (":path", "/pay/mcp/", Reason::UnknownChannel),
        (":path", "/PAY/mcp", Reason::UnknownChannel),
        (":path", "", Reason::UnknownChannel),
        (":method", "PUT", Reason::MethodNotAllowed),
        (":method", "post", Reason::MethodNotAllowed),
        (":method", "GET", Reason::MethodNotAllowed),
        ("upgrade", "websocket", Reason::MethodNotAllowed),
        ("content-type", "application/json-rpc", Reason::UnsupportedMediaType),
        ("content-type", "application/json; charset=utf-16", Reason::UnsupportedMediaType),
        ("content-type", "application/json; boundary=x", Reason::UnsupportedMediaType),
        ("content-encoding", "gzip", Reason::UnsupportedEncoding),
        ("content-encoding", "identity, gzip", Reason::UnsupportedEncoding),
        ("content-length", "20000000", Reason::BodyTooLarge),
        ("mcp-protocol-version", "1", Reason::UnsupportedVersion),
    ];
    for (name, value, reason) in cases {
        let step = run(&gate, &with(&[(name, value)]), Some(fixture::claims()), b"{}");
        assert_eq!(refused(step).0.records[0].reason, reason, "{name}: {value}");
    }
    let twice: Vec<_> = POST.into_iter().chain([("content-type", "application/json")]).collect();
    let (refusal, _) = refused(run(&gate, &twice, Some(fixture::claims()), b"{}"));
    assert_eq!(refusal.records[0].reason, Reason::UnsupportedMediaType);
    let body = call("get", r#"{"id":"p"}"#);
    for fine in [
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        "application/json ; charset=\"utf-8\"",
    ] {
        forwarded(run(
            &gate,
            &with(&[("content-type", fine)]),
            Some(fixture::claims()),
            body.as_bytes(),
        ));
    }
}

#[test]
fn event_streams_and_session_ends_have_no_body() {
    let gate = fixture::gate();
    let get = with(&[(":method", "GET"), ("accept", "application/json, text/event-stream;q=1")]);
    forwarded(run(&gate, &get, Some(fixture::claims()), b""));
    forwarded(run(&gate, &with(&[(":method", "DELETE")]), Some(fixture::claims()), b""));
    let (refusal, _) = refused(run(&gate, &get, Some(fixture::claims()), b"{}"));
    assert_eq!(refusal.records[0].reason, Reason::MalformedMessage);
}

#[test]
fn identity_comes_before_the_body() {
    let (refusal, body) = refused(run(&fixture::gate(), &POST, None, b"{}"));
    assert_eq!((refusal.reply.status, &body["id"]), (401, &Value::Null));
    assert!(refusal.reply.headers.contains(&("www-authenticate", "Bearer".to_owned())));
    let (refusal, _) = refused(run(&fixture::gate(), &POST, Some(json!({ "sub": 1 })), b"{}"));
    assert_eq!(refusal.records[0].reason, Reason::InvalidIdentity);
    assert_eq!(refusal.records[0].principal.is_none(), refusal.reply.status == 401);
}

#[test]
fn one_refused_call_refuses_the_batch() {
    let second = call("refund", r#"{"amount":501}"#).replace("\"x\"", "2");
    let body = format!("[{},{second}]", call("get", r#"{"id":"p"}"#));
    let (refusal, body) = refused(post(&body));
    let reasons: Vec<Reason> = refusal.records.iter().map(|record| record.reason).collect();
    assert_eq!(reasons, [Reason::BatchRefused, Reason::Forbidden]);
    assert_eq!((&body[0]["id"], &body[1]["id"]), (&json!("x"), &json!(2)));
    assert_ne!(refusal.records[0].id, refusal.records[1].id);

    let ping = r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#;
    let (refusal, body) = refused(post(&format!("[{ping},{second}]")));
    let ids: Vec<&str> = refusal.records.iter().map(|record| &*record.id).collect();
    assert_eq!((refusal.records[0].reason, ids.len()), (Reason::BatchRefused, 2));
    assert_eq!(body[0]["error"]["data"]["id"], ids[0]);

    let third = call("get", r#"{"id":"q"}"#).replace("\"x\"", "3");
    let forward = forwarded(post(&format!("[{},{third}]", call("get", r#"{"id":"p"}"#))));
    assert_eq!((forward.records.len(), forward.permits.iter().count()), (2, 2));
}

#[test]
fn styles_of_refusal() {
    for (style, status, code) in
        [("jsonrpc_error", 200, -31403), ("http", 403, -31403), ("conceal", 200, -32602)]
    {
        let gate = gate_with(json!({ "style": style, "help": "Ask us." }));
        let body = call("refund", r#"{"amount":501}"#);
        let (refusal, body) = refused(run(&gate, &POST, Some(fixture::claims()), body.as_bytes()));
        assert_eq!(
            (refusal.reply.status, &body["error"]["code"], &body["id"]),
            (status, &json!(code), &json!("x"))
        );
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(message == "Unknown tool: refund", style == "conceal", "{message}");
        assert_eq!(message.contains("Ask us."), style != "conceal");
        assert_eq!(body["error"].get("data").is_none(), style == "conceal");
    }
}

fn gate_with(refusal: Value) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["refusal"] = refusal;
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    Gate { bundle, ..fixture::gate() }
}

#[test]
fn concealed_tools_are_not_told_by_headers() {
    let gate = gate_with(json!({ "style": "conceal" }));
    let answers = ["get", "nosuch"].map(|tool| {
        let fields = [("mcp-protocol-version", "2025-11-25"), ("mcp-param-payment", "x")];
        let body = call(tool, r#"{"id":"p"}"#);
        let step = run(&gate, &with(&fields), Some(fixture::claims()), body.as_bytes());
        let (refusal, body) = refused(step);
        assert_eq!(refusal.records[0].reason, Reason::HeaderMismatch);
        (refusal.reply.status, body.to_string().replace(tool, "TOOL"))
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn long_arguments_are_left_out_of_the_record() {
    let mut document = fixture::document_json();
    document["manifest"]["limits"]["body_bytes"] = json!(100_000);
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let gate = Gate { bundle, ..fixture::gate() };
    let body = call("get", &format!(r#"{{"id":"{}"}}"#, "x".repeat(20_000)));
    let forward = forwarded(run(&gate, &POST, Some(fixture::claims()), body.as_bytes()));
    let record = &forward.records[0];
    assert!(record.arguments.is_none() && record.arguments_digest.is_some());
}
