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
    let (refusal, _) = refused(exchange.step(&gate, Event::Buffered(2001)));
    assert_eq!(refusal.records[0].reason, Reason::BodyTooLarge);
    refused(exchange.step(&gate, Event::End(b"{}")));
}

#[test]
fn unsupported_versions_are_told_what_is_supported() {
    let fields = with(&[("mcp-protocol-version", "1999-01-01")]);
    let (_, body) = refused(run(&fixture::gate(), &fields, Some(fixture::claims()), b"{}"));
    assert_eq!(body["error"]["code"], -32022);
    assert_eq!(body["error"]["data"]["supported"].as_array().unwrap().len(), Revision::ALL.len());
}
