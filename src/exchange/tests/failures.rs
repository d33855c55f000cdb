//! Requests that cannot be handled.

use super::*;

#[test]
fn a_401_names_the_authorization_server() {
    let url = "https://pay.example/.well-known/oauth-protected-resource";
    let gate = gate_with(json!({ "resource_metadata": url }));
    let challenge = |claims| {
        let (refusal, _) = refused(run(&gate, &POST, claims, b"{}"));
        refusal.reply.headers.into_iter().find(|(name, _)| *name == "www-authenticate").unwrap().1
    };
    assert_eq!(challenge(None), format!("Bearer resource_metadata=\"{url}\""));
    let known = format!("Bearer error=\"invalid_token\", resource_metadata=\"{url}\"");
    assert_eq!(challenge(Some(json!({ "sub": 1 }))), known);
}

#[test]
fn a_failure_of_the_edge_is_recorded_with_what_is_known() {
    let gate = fixture::gate();
    let failed = Arrival {
        evidence: Err("metadata does not decode".to_owned()),
        ..arrival(&POST, Some(fixture::claims()))
    };
    let (refusal, _) = refused(Exchange::default().step(&gate, Event::Headers(&failed)));
    let record = &refusal.records[0];
    assert_eq!((record.reason, refusal.reply.status), (Reason::Internal, 500));
    assert_eq!(record.path, "/pay/mcp");

    let mut exchange = Exchange::default();
    exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
    let (refusal, _) = refused(Step::Done(exchange.fail(&gate, "the body is not all there")));
    assert!(refusal.records[0].principal.is_some());
    // What fails once it is decided is still the request that it was.
    let mut exchange = Exchange::default();
    exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
    forwarded(exchange.step(&gate, Event::End(call("get", r#"{"id":"p"}"#).as_bytes())));
    let (refusal, _) = refused(Step::Done(exchange.fail(&gate, "a host call failed")));
    assert!(refusal.records[0].principal.is_some());
}

#[test]
fn events_out_of_order_are_refused() {
    let gate = fixture::gate();
    for event in [Event::Buffered(1), Event::End(b"")] {
        let (refusal, _) = refused(Exchange::default().step(&gate, event));
        assert_eq!((refusal.records[0].reason, refusal.reply.status), (Reason::Internal, 500));
    }
    let mut exchange = Exchange::default();
    let arrival = arrival(&POST, Some(fixture::claims()));
    assert!(matches!(exchange.step(&gate, Event::Headers(&arrival)), Step::AwaitBody));
    assert!(matches!(exchange.step(&gate, Event::Buffered(2000)), Step::AwaitBody));
    let (refusal, _) = refused(exchange.step(&gate, Event::Drained(b"")));
    assert_eq!(refusal.records[0].reason, Reason::Internal);
    refused(exchange.step(&gate, Event::End(b"{}")));
}

#[test]
fn a_body_that_is_too_large_is_read_on_for_its_id() {
    let body = call("get", &json!({ "id": "p".repeat(9000) }).to_string());
    let id_last = body.replace(r#""id":"x","#, "");
    let id_last = format!(r#"{},"id":"x"}}"#, id_last.strip_suffix('}').unwrap());
    let send = |gate: &Gate, pieces: &[&[u8]]| {
        let mut exchange = Exchange::default();
        let arrival = arrival(&POST, Some(fixture::claims()));
        assert!(matches!(exchange.step(gate, Event::Headers(&arrival)), Step::AwaitBody));
        let (last, pieces) = pieces.split_last().unwrap();
        for piece in pieces {
            match exchange.step(gate, Event::Buffered(piece.len())) {
                Step::Drain => {}
                done @ (Step::AwaitBody | Step::Consult(_) | Step::Done(_)) => {
                    return (done, exchange);
                }
            }
            match exchange.step(gate, Event::Drained(piece)) {
                Step::AwaitBody => {}
                done @ (Step::Drain | Step::Consult(_) | Step::Done(_)) => return (done, exchange),
            }
        }
        (exchange.step(gate, Event::End(last)), exchange)
    };
    let gate = fixture::gate();
    let pieces: Vec<&[u8]> = id_last.as_bytes().chunks(3000).collect();
    let (refusal, answer) = refused(send(&gate, &pieces).0);
    let record = &refusal.records[0];
    assert_eq!((record.reason, record.tool.as_deref()), (Reason::BodyTooLarge, Some("pay/get")));
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!("x"), &json!(true)));
    let (refusal, _) = refused(run(&gate, &POST, Some(fixture::claims()), id_last.as_bytes()));
    assert_eq!((refusal.records[0].reason, refusal.reply.status), (Reason::BodyTooLarge, 200));

    let endless = vec![b' '; 5 << 20];
    let (refusal, answer) = refused(send(&gate, &[&endless, &endless, &endless, &endless, b""]).0);
    assert_eq!((refusal.reply.status, &answer["id"]), (413, &Value::Null));
    let announced = with(&[("content-length", "20000000")]);
    let (refusal, _) = refused(run(&gate, &announced, Some(fixture::claims()), b""));
    assert_eq!((refusal.records[0].reason, refusal.reply.status), (Reason::BodyTooLarge, 413));

    // A request in shadow is forwarded with its whole body.
    let mut document = fixture::document_json();
    document["manifest"]["mode"] = json!("shadow");
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let (step, _) = send(&Gate { bundle, ..fixture::gate() }, &pieces);
    assert_eq!(forwarded(step).records[0].shadow.as_ref().unwrap().reason, Reason::BodyTooLarge);
}

#[test]
fn a_refusal_with_an_id_has_the_style_of_the_bundle() {
    let valid = call("get", r#"{"id":"p"}"#);
    let argument = |value: &str| call("get", &format!(r#"{{"id":{value}}}"#));
    let cases = [
        (argument("1e999"), Reason::MalformedBody),
        (argument(r#""\u0000""#), Reason::MalformedBody),
        (argument(&format!("{}{}", "[".repeat(70), "]".repeat(70))), Reason::MalformedBody),
        (valid.replace("arguments", "Arguments"), Reason::MalformedMessage),
        (valid.replace("2.0", "1.0"), Reason::MalformedMessage),
    ];
    for (body, reason) in &cases {
        for (style, status, code) in
            [("tool_result", 200, None), ("jsonrpc_error", 200, Some("code")), ("http", 400, None)]
        {
            let gate = gate_with(json!({ "style": style }));
            let step = run(&gate, &POST, Some(fixture::claims()), body.as_bytes());
            let (refusal, answer) = refused(step);
            let record = &refusal.records[0];
            assert_eq!((record.reason, record.tool.as_deref()), (*reason, Some("pay/get")));
            assert_eq!((refusal.reply.status, &answer["id"]), (status, &json!("x")), "{answer}");
            assert_eq!(answer["result"]["isError"] == true, style == "tool_result");
            assert!(code.is_none_or(|code| answer["error"][code].is_number()));
        }
    }
    // Without an id, an HTTP error says that it was refused.
    let (refusal, answer) = refused(post(&valid.replace(r#""id":"x","#, "")));
    assert_eq!((refusal.reply.status, &answer["id"]), (400, &Value::Null));
}

#[test]
fn arguments_and_params_that_are_null_are_absent() {
    let body = call("get", r#"{"id":"p"}"#).replace(r#"{"id":"p"}"#, "null");
    let (refusal, _) = refused(post(&body));
    assert_eq!(refusal.records[0].reason, Reason::InvalidArguments);
    assert!(refusal.records[0].arguments_digest.is_none());
    forwarded(post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}"#));
}

#[test]
fn an_unknown_method_of_the_stateless_revision_is_not_found() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#;
    for (revision, status, code) in
        [("2026-07-28", 404, json!(-32601)), ("2025-11-25", 200, json!(-31403))]
    {
        let fields = with(&[("mcp-protocol-version", revision), ("mcp-method", "prompts/list")]);
        let step = run(&fixture::gate(), &fields, Some(fixture::claims()), body.as_bytes());
        let (refusal, answer) = refused(step);
        assert_eq!((refusal.reply.status, &answer["error"]["code"]), (status, &code));
        assert_eq!(answer["id"], 1);
    }
}

#[test]
fn unsupported_versions_are_told_what_is_supported() {
    let fields = with(&[("mcp-protocol-version", "1999-01-01")]);
    let call = br#"{"jsonrpc":"2.0","id":4,"method":"tools/list"}"#;
    let (refusal, body) = refused(run(&fixture::gate(), &fields, Some(fixture::claims()), call));
    assert_eq!((refusal.reply.status, &body["id"]), (400, &json!(4)));
    assert_eq!(body["error"]["code"], -32022);
    // Those that need no `initialize`.
    let expected = json!({ "requested": "1999-01-01", "supported": ["2026-07-28"] });
    assert_eq!(body["error"]["data"], expected);
}
