//! A tool with another name on the wire than in the bundle.

use super::*;

const WIRE_NAME: &str = "pay/re fund";

/// The fixture, whose tool `refund` has another name on the wire.
fn gate(style: &str) -> Gate {
    let mut document = fixture::document_json();
    document["tools"]["pay"][1]["name"] = json!(WIRE_NAME);
    document["manifest"]["servers"]["pay"]["tools"]["refund"]["name"] = json!(WIRE_NAME);
    document["manifest"]["refusal"] = json!({ "style": style });
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    Gate { bundle, ..fixture::gate() }
}

/// A call of an amount, from 501 on forbidden, by the name as JSON writes it.
fn called(gate: &Gate, name: &str, amount: u32, fields: &[(&'static str, &'static str)]) -> Step {
    let body = call(name, &json!({ "amount": amount }).to_string());
    run(gate, &with(fields), Some(fixture::claims()), body.as_bytes())
}

fn line(record: &Record) -> Value {
    serde_json::from_str(&record.to_line()).unwrap()
}

#[test]
fn the_record_has_both_names() {
    let forward = forwarded(called(&gate("tool_result"), WIRE_NAME, 1, &[]));
    assert!(!format!("{:?}", forward.headers).contains("re fund"));
    let record = line(&forward.records[0]);
    assert_eq!(record["policies"], json!(["refunds"]));
    assert_eq!(record["tool"], "pay/refund");
    assert_eq!(record["tool_name"], WIRE_NAME);
    assert_eq!(record["classes"], json!(["money"]));
}

#[test]
fn only_the_name_on_the_wire_is_called() {
    let (refusal, _) = refused(called(&gate("tool_result"), "refund", 1, &[]));
    let record = line(&refusal.records[0]);
    assert_eq!(record["reason"], "unknown_tool");
    assert_eq!((&record["tool"], &record["tool_name"]), (&json!("pay/refund"), &Value::Null));
    assert_eq!(record["classes"], json!([]));
}

/// The name is whole, so that the call can be decided again by a bundle that knows it.
#[test]
fn an_unknown_name_is_recorded_as_it_is() {
    for (name, tool, tool_name) in [
        ("tea time", "pay/tea time", Value::Null),
        ("what's up", r"pay/what\'s up", json!("what's up")),
        ("天気", "pay/天気", Value::Null),
        // No bundle can know these.
        (r"a\nb", r"pay/a\nb", Value::Null),
        (&"é".repeat(129), &format!("pay/{}", "é".repeat(129)), Value::Null),
    ] {
        let (refusal, _) = refused(called(&gate("tool_result"), name, 1, &[]));
        let record = line(&refusal.records[0]);
        assert_eq!((&record["tool"], &record["tool_name"]), (&json!(tool), &tool_name));
    }
}

#[test]
fn the_header_has_the_name_on_the_wire() {
    let gate = gate("tool_result");
    for encoded in [WIRE_NAME, "=?base64?cGF5L3JlIGZ1bmQ=?="] {
        forwarded(called(&gate, WIRE_NAME, 1, &[("mcp-name", encoded)]));
    }
    let (refusal, _) = refused(called(&gate, WIRE_NAME, 1, &[("mcp-name", "refund")]));
    assert_eq!(refusal.records[0].reason, Reason::HeaderMismatch);
}

#[test]
fn a_concealed_tool_is_unknown_by_the_name_on_the_wire() {
    let gate = gate("conceal");
    let (_, forbidden) = refused(called(&gate, WIRE_NAME, 501, &[]));
    assert_eq!(forbidden["error"]["message"], format!("Unknown tool: {WIRE_NAME}"));
    let (_, unknown) = refused(called(&gate, "refund", 501, &[]));
    assert_eq!(unknown["error"]["message"], "Unknown tool: refund");
}

#[test]
fn a_name_breaks_no_header_and_no_line() {
    let name = r"a\u001b[2J\n\u202e\u2028\u007f\uFEFF\u0085é";
    for style in ["tool_result", "jsonrpc_error", "http", "conceal"] {
        let (refusal, _) = refused(called(&gate(style), name, 1, &[]));
        assert_eq!(refusal.records[0].reason, Reason::UnknownTool);
        for (name, value) in &refusal.reply.headers {
            assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {value}");
        }
        let line = refusal.records[0].to_line();
        assert!(!line.contains(|c| c == '\n' || crate::json::is_hidden(c)), "{line}");
    }
}
