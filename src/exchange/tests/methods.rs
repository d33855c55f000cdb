//! Methods that policies decide.

use super::*;
use crate::bundle;

/// The fixture with methods of the server `pay` and policies about them.
fn gate(shadow: bool) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["mcp"] = json!({});
    document["manifest"]["servers"]["pay"]["methods"] = json!({
        "resources/read": { "data_class": "money", "operation": "read", "cost": 2 },
        "prompts/get": { "redact": ["arguments.reader"] }
    });
    document["manifest"]["servers"]["pay"]["resources"] = json!({ "bills": "bill://*/*" });
    let mode = if shadow { r#"@mode("shadow") "# } else { "" };
    let policies = [
        ("bills", r#"permit (principal, action == Action::"pay/resources/read", resource in ResourcePattern::"pay/bills");"#.to_owned()),
        ("prompts", r#"permit (principal, action in Action::"method:prompts/get", resource == Server::"pay");"#.to_owned()),
        ("old", format!(r#"{mode}forbid (principal, action, resource) when {{ context.input has uri && context.input.uri like "*old*" }};"#)),
    ];
    let policies =
        policies.map(|(id, text)| json!({ "id": id, "source": format!("@id(\"{id}\") {text}") }));
    document["layers"]["org"].as_array_mut().unwrap().extend(policies);
    let document = serde_json::from_value(document).unwrap();
    let loaded = bundle::load(&document).unwrap_or_else(|findings| panic!("{findings:#?}"));
    Gate::new(loaded.bundle, String::new())
}

fn request(id: u32, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn sent(gate: &Gate, body: &Value) -> Step {
    run(gate, &POST, Some(fixture::claims()), body.to_string().as_bytes())
}

fn line(record: &Record) -> Value {
    serde_json::from_str(&record.to_line()).unwrap()
}

#[test]
fn the_record_of_a_method() {
    let body = request(
        1,
        "resources/read",
        &json!({ "uri": "bill://a/1", "_meta": { "progressToken": 7 } }),
    );
    let forward = forwarded(sent(&gate(false), &body));
    let record = line(&forward.records[0]);
    for (field, expected) in [
        ("decision", json!("PERMIT")),
        ("policies", json!(["bills"])),
        ("method", json!("resources/read")),
        ("tool", json!("pay/resources/read")),
        ("tool_name", Value::Null),
        ("server", json!("pay")),
        ("classes", json!([])),
        ("data_class", json!("money")),
        ("operation", json!("read")),
        ("cost", json!(2)),
        ("arguments", json!({ "uri": "bill://a/1" })),
        (
            "arguments_digest",
            json!(crate::digest::Digest::of_bytes(br#"{"uri":"bill://a/1"}"#).as_str()),
        ),
        ("resource", json!("ResourcePattern::\"pay/bills\"")),
    ] {
        assert_eq!(record[field], expected, "{field}");
    }
    let effects_of = |body: &Value| match sent(&gate(false), body) {
        Step::Done(effects) => {
            effects.counters().map(|counter| counter.to_string()).collect::<Vec<_>>()
        }
        step @ (Step::AwaitBody | Step::Drain | Step::Consult(_)) => panic!("{step:?}"),
    };
    assert_eq!(
        effects_of(&body),
        ["toolgate.calls.decision.permit.reason.permitted.tool.pay/resources/read"]
    );
}

#[test]
fn what_the_bundle_redacts_of_a_prompt() {
    let params =
        json!({ "name": "a", "arguments": { "reader": "ann", "book": "b", "password": "p" } });
    let forward = forwarded(sent(&gate(false), &request(1, "prompts/get", &params)));
    let record = line(&forward.records[0]);
    assert_eq!(
        record["arguments"],
        json!({ "name": "a", "arguments": { "reader": "[redacted]", "book": "b", "password": "[redacted]" } })
    );
    assert_eq!(record["resource"], "Server::\"pay\"");
}

#[test]
fn a_refusal_is_an_error_and_says_why() {
    let body = request(1, "resources/read", &json!({ "uri": "bill://a/../old" }));
    let (refusal, answer) = refused(sent(&gate(false), &body));
    assert_eq!(refusal.records[0].reason, Reason::InvalidArguments);
    assert_eq!(line(&refusal.records[0])["resource"], "Server::\"pay\"");
    assert_eq!(answer["error"]["code"], -31403);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("argument `uri` must be a URI without dot segments"), "{message}");
}

#[test]
fn one_refused_request_refuses_a_batch_in_shadow_too() {
    let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
    let body = json!([
        request(1, "resources/read", &json!({ "uri": "bill://a/old" })),
        request(2, "prompts/get", &json!({ "name": "a" })),
        request(3, "ping", &json!({})),
    ]);
    let forward =
        forwarded(run(&gate(true), &fields, Some(fixture::claims()), body.to_string().as_bytes()));
    let shadow = |record: &Record| line(record)["shadow"]["reason"].clone();
    assert_eq!(
        forward.records.iter().map(shadow).collect::<Vec<_>>(),
        ["forbidden", "batch_refused"]
    );
    let (refusal, _) =
        refused(run(&gate(false), &fields, Some(fixture::claims()), body.to_string().as_bytes()));
    let reasons: Vec<_> = refusal.records.iter().map(|record| record.reason.as_str()).collect();
    assert_eq!(reasons, ["forbidden", "batch_refused", "batch_refused"]);
}

#[test]
fn a_permit_for_all_tools_of_a_server_does_not_cover_its_methods() {
    let mut document = fixture::document_json();
    document["manifest"]["mcp"] = json!({});
    document["manifest"]["servers"]["pay"]["methods"] = json!({ "prompts/get": {} });
    let all = r#"@id("all") permit (principal, action in Action::"server:pay", resource);"#;
    document["layers"]["org"] = json!([{ "id": "all", "source": all }]);
    let bundle = bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let gate = Gate::new(bundle, String::new());
    let (refusal, _) = refused(sent(&gate, &request(1, "prompts/get", &json!({ "name": "a" }))));
    assert_eq!(refusal.records[0].reason, Reason::NotPermitted);
    let called = call("get", r#"{"id":"a"}"#);
    forwarded(run(&gate, &POST, Some(fixture::claims()), called.as_bytes()));
}

#[test]
fn responses_of_clients_can_be_refused() {
    let body =
        json!({ "jsonrpc": "2.0", "id": 3, "result": { "action": "accept", "content": {} } });
    forwarded(sent(&fixture::gate(), &body));
    let mut document = fixture::document();
    document.manifest.mcp.refuse_responses = true;
    let gate = Gate::new(bundle::load(&document).unwrap().bundle, String::new());
    let (refusal, _) = refused(sent(&gate, &body));
    assert_eq!((refusal.reply.status, refusal.records[0].reason), (403, Reason::MethodNotAllowed));
    forwarded(sent(&gate, &request(1, "ping", &json!({}))));
}
