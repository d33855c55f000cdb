//! How approvers and clients are asked.

use super::*;

#[test]
fn the_approval_service_is_asked_once_for_each_call() {
    let (gate, mut store) = (gate(Some("approvals")), Store::default());
    let pending = Sent { answers: vec![Heard::Pending], ..Sent::refund(600) };
    let (step, questions) = pending.to(&gate, &mut store);
    let [query] = &questions[..] else { panic!("{questions:?}") };
    assert_eq!((query.cluster.as_str(), query.timeout_ms, query.hold), ("approvals", 500, None));
    assert_eq!(
        (query.authority.as_str(), query.path.as_str()),
        ("approvals.acme.example", "/access-requests")
    );
    let (refusal, body) = refused(step);
    let url = format!("{SERVICE}/requests/{}", refusal.records[0].id);
    assert_eq!(body["result"]["_meta"]["dev.toolgate/refusal"]["approval"]["url"], json!(url));
    let text = body["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(&url) && text.contains("Refunds over 500 need finance"), "{text}");

    let asked: approval::Asked = serde_json::from_str(&query.body).unwrap();
    let decided = Heard::Decided(signed(&approval_of(&asked.binding_token)));
    let sent = Sent { answers: vec![decided], ..Sent::refund(600) };
    assert_eq!(sent.reason(&gate, &mut store), Reason::Permitted);
    assert_eq!(sent.reason(&gate, &mut store), Reason::ApprovalUsed);
    let gone = Heard::Unavailable("no answer".to_owned());
    let sent = Sent { answers: vec![gone], ..Sent::refund(600) };
    assert_eq!(sent.reason(&gate, &mut store), Reason::ApprovalUnavailable);
}

#[test]
fn a_client_is_asked_as_its_revision_allows() {
    let (gate, mut store) = (gate(Some("approvals")), Store::default());
    let mut body = |fields: &[(&'static str, &'static str)], params: Value| {
        let mut members = json!({ "name": "refund", "arguments": { "amount": 600 } });
        members.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let message =
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": members });
        let sent = Sent {
            fields: with(fields),
            body: message.to_string(),
            answers: vec![Heard::Pending],
            ..Sent::refund(600)
        };
        let (refusal, body) = refused(sent.to(&gate, &mut store).0);
        assert_eq!(refusal.reply.status, 200);
        body
    };
    let modern = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "refund"),
    ];
    let meta = |capabilities: Value| {
        json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities })
    };
    let able = json!({ "elicitation": { "url": {} } });
    let asked = body(&modern, json!({ "_meta": meta(able.clone()) }));
    assert_eq!(asked["result"]["resultType"], "input_required");
    let input = &asked["result"]["inputRequests"]["dev.toolgate/approval"];
    assert_eq!(
        (&input["method"], &input["params"]["mode"]),
        (&json!("elicitation/create"), &json!("url"))
    );
    // A client that cannot open a page, or has opened it, gets the text.
    let answers = json!({ "dev.toolgate/approval": { "action": "accept" } });
    for params in [
        json!({ "_meta": meta(json!({ "elicitation": {} })) }),
        json!({ "_meta": meta(json!({})) }),
        json!({ "_meta": meta(able), "inputResponses": answers }),
    ] {
        assert_eq!(body(&modern, params)["result"]["isError"], json!(true));
    }
    let error = body(&[("mcp-protocol-version", "2025-11-25")], json!({}));
    assert_eq!(error["error"]["code"], json!(-32042));
    assert_eq!(error["error"]["data"]["elicitations"][0]["mode"], json!("url"));
    let older = body(&[("mcp-protocol-version", "2025-06-18")], json!({}));
    assert_eq!(older["result"]["isError"], json!(true));
}

#[test]
fn in_a_batch_and_in_shadow_nobody_is_asked() {
    let gate = gate(Some("approvals"));
    let body = format!("[{}]", call("refund", r#"{"amount":600}"#));
    let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
    let batch = Sent { fields, body, ..Sent::refund(600) };
    assert_eq!(batch.reason(&gate, &mut Store::default()), Reason::ApprovalRequired);
    let mut shadow = document(Some("approvals"));
    shadow["manifest"]["mode"] = json!("shadow");
    let (Step::Done(effects), asked) =
        Sent::refund(600).to(&gate_of(shadow), &mut Store::default())
    else {
        panic!()
    };
    assert!(asked.is_empty() && matches!(effects.ending, Ending::Forward(_)));
    assert_eq!(effects.records[0].shadow_decision, Some(Decision::Escalate));
}

#[test]
fn nobody_is_asked_about_arguments_that_cannot_be_shown() {
    let mut document = document(Some("approvals"));
    document["manifest"]["limits"]["body_bytes"] = json!(100_000);
    document["manifest"]["servers"]["pay"]["tools"]["refund"]["redact"] = json!([]);
    let gate = gate_of(document);
    for (length, asks) in [(1_000, true), (14_000, false), (20_000, false)] {
        let arguments = json!({ "amount": 600, "note": "x".repeat(length) });
        let body = call("refund", &arguments.to_string());
        let sent = Sent { body, answers: vec![Heard::Pending], ..Sent::refund(600) };
        let (step, questions) = sent.to(&gate, &mut Store::default());
        let (refusal, body) = refused(step);
        assert_eq!(refusal.records[0].reason, Reason::ApprovalRequired);
        assert_eq!(questions.len() == 1, asks, "{length}");
        let account = &body["result"]["_meta"]["dev.toolgate/refusal"];
        assert_eq!(account["approval"]["url"].is_string(), asks, "{length}");
    }
}
