//! Bundles that do not affect the decision: in shadow, and as a candidate.

use proptest::prelude::*;

use super::*;
use crate::bundle::{Bundle, Mode};
use crate::reason::Decision;
use crate::record::Flip;

/// The fixture after a change.
fn changed(change: impl FnOnce(&mut Value)) -> Bundle {
    let mut document = fixture::document_json();
    change(&mut document);
    crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle
}

fn in_shadow() -> Gate {
    Gate::new(changed(|document| document["manifest"]["mode"] = json!("shadow")), String::new())
}

/// The fixture with a candidate that refunds at most 50 and lists no method.
fn with_candidate() -> Gate {
    let stricter = changed(|document| {
        document["manifest"]["version"] = json!(4);
        document["manifest"]["mcp"]["methods"] = json!([]);
        let limit = document["layers"]["org"][2]["source"].as_str().unwrap().replace("500", "50");
        document["layers"]["org"][2]["source"] = json!(limit);
    });
    let candidate = Gate::new(stricter, String::new());
    Gate { candidate: Some(Box::new(candidate)), ..fixture::gate() }
}

fn send(gate: &Gate, body: &str) -> Step {
    run(gate, &POST, Some(fixture::claims()), body.as_bytes())
}

fn refund(amount: u32) -> String {
    call("refund", &format!(r#"{{"amount":{amount}}}"#))
}

fn flips(record: &Record) -> Vec<(&'static str, Decision, Decision)> {
    record.flips().map(|Flip { by, from, to }| (by, from, to)).collect()
}

#[test]
fn a_bundle_in_shadow_refuses_nothing_and_says_what_it_would() {
    let forged = with(&[("toolgate-identity", "principal=\"root\""), ("upgrade", "x")]);
    let cases = [
        (send(&in_shadow(), &refund(501)), Reason::Forbidden),
        (send(&in_shadow(), &refund(1)), Reason::Permitted),
        (send(&in_shadow(), &call("drop", "{}")), Reason::UnknownTool),
        (send(&in_shadow(), "{"), Reason::MalformedBody),
        (run(&in_shadow(), &POST, None, b"{}"), Reason::Unauthenticated),
        (run(&in_shadow(), &with(&[(":path", "/x")]), None, b""), Reason::UnknownChannel),
        (run(&in_shadow(), &forged, Some(fixture::claims()), b"{}"), Reason::MethodNotAllowed),
    ];
    for (step, reason) in cases {
        let Forward { permits, headers, records } = forwarded(step);
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((record.decision, record.reason), (Decision::Permit, Reason::Shadow));
        assert_eq!((record.mode, record.policies.len()), (Mode::Shadow, 0));
        assert_eq!(record.shadow_decision, Some(reason.decision()));
        assert_eq!(record.shadow.as_ref().unwrap().reason, reason);
        assert!(permits.iter().all(|permit| permit.reason() == Reason::Shadow));
        let decision = headers.iter().find_map(|change| match change {
            HeaderChange::Set(name, value) => {
                Some((*name, value)).filter(|(n, _)| *n == header::DECISION)
            }
            HeaderChange::Remove(_) => None,
        });
        assert!(decision.unwrap().1.starts_with("permit;reason=shadow"));
    }
}

#[test]
fn a_bundle_in_shadow_forwards_no_forged_header() {
    let forged = with(&[("toolgate-identity", "x"), (":path", "/nowhere")]);
    let Forward { headers, .. } = forwarded(run(&in_shadow(), &forged, None, b""));
    assert_eq!(headers[0], HeaderChange::Remove("toolgate-identity".to_owned()));
    assert!(!headers.iter().any(|change| matches!(change, HeaderChange::Set(header::IDENTITY, _))));
}

#[test]
fn a_gate_that_failed_refuses_even_in_shadow() {
    let failed = Arrival { evidence: Err("no".to_owned()), ..arrival(&POST, None) };
    let step = Exchange::default().step(&in_shadow(), Event::Headers(&failed));
    assert_eq!(refused(step).0.records[0].reason, Reason::Internal);
}

#[test]
fn a_candidate_has_an_opinion_and_no_say() {
    let records = forwarded(send(&with_candidate(), &refund(100))).records;
    let [record] = &records[..] else { panic!() };
    assert_eq!((record.decision, record.reason), (Decision::Permit, Reason::Permitted));
    assert_eq!(flips(record), [("candidate", Decision::Permit, Decision::Deny)]);
    let candidate = record.candidate.as_ref().unwrap();
    assert_eq!((candidate.bundle.version, candidate.outcome.reason), (4, Reason::Forbidden));
    assert_eq!(candidate.outcome.policies, ["limit"]);
    // If both bundles decide alike, the record holds both decisions but no flip.
    let (refusal, _) = refused(send(&with_candidate(), &refund(501)));
    assert_eq!(flips(&refusal.records[0]), []);
    assert_eq!(refusal.records[0].candidate_decision, Some(Decision::Deny));
    assert!(forwarded(send(&fixture::gate(), &refund(100))).records[0].candidate.is_none());
}

#[test]
fn every_call_of_a_batch_has_the_candidates_answer() {
    let batch =
        format!("[{},{}]", refund(100).replace("\"x\"", "1"), refund(5).replace("\"x\"", "2"));
    let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
    let step = run(&with_candidate(), &fields, Some(fixture::claims()), batch.as_bytes());
    let said: Vec<_> = forwarded(step)
        .records
        .iter()
        .map(|record| record.candidate.as_ref().unwrap().outcome.reason)
        .collect();
    assert_eq!(said, [Reason::Forbidden, Reason::BatchRefused]);
}

#[test]
fn housekeeping_is_recorded_when_the_candidate_would_refuse_it() {
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read"}"#;
    let records = forwarded(send(&with_candidate(), read)).records;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.reason, Reason::Lifecycle);
    assert_eq!(flips(record), [("candidate", Decision::Permit, Decision::Silence)]);
    assert!(
        forwarded(send(&with_candidate(), &read.replace("resources/read", "ping")))
            .records
            .is_empty()
    );
}

#[test]
fn every_message_of_a_refused_batch_has_its_own_candidate_outcome() {
    let listing =
        |method| changed(|document| document["manifest"]["mcp"]["methods"] = json!([method]));
    let candidate = Some(Box::new(Gate::new(listing("one/read"), String::new())));
    let gate = Gate { candidate, ..Gate::new(listing("two/read"), String::new()) };
    let of = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":"{method}","method":"{method}"}}"#);
    let batch = format!("[{},{},{}]", of("one/read"), of("two/read"), refund(1));
    let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
    let (refusal, _) = refused(run(&gate, &fields, Some(fixture::claims()), batch.as_bytes()));
    let reasons: Vec<_> = refusal
        .records
        .iter()
        .map(|record| (record.reason, record.candidate.as_ref().unwrap().outcome.reason))
        .collect();
    let expected = [
        (Reason::MethodNotAllowed, Reason::BatchRefused),
        (Reason::BatchRefused, Reason::MethodNotAllowed),
        (Reason::BatchRefused, Reason::BatchRefused),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn housekeeping_under_a_bundle_in_shadow_is_recorded_in_shadow() {
    let candidate = with_candidate().candidate;
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read"}"#;
    let records = forwarded(send(&Gate { candidate, ..in_shadow() }, read)).records;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.mode, record.reason), (Mode::Shadow, Reason::Shadow));
    let shadow = record.shadow.as_ref().map(|shadow| shadow.reason);
    assert_eq!(shadow, Some(Reason::Lifecycle));
    assert_eq!(flips(record), [("candidate", Decision::Permit, Decision::Silence)]);
}

#[test]
fn a_candidate_is_not_asked_about_what_the_bundle_in_force_cannot_read() {
    let limits = json!({ "body_bytes": 100_000, "depth": 128, "calls": 100, "values": 1_000_000 });
    let larger = changed(|document| document["manifest"]["limits"] = limits);
    let gate = fixture::gate().beside(Some(larger));
    let deep = format!(r#"{{"amount":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let batch: Vec<String> =
        (0..4).map(|id| refund(1).replace("\"x\"", &format!("\"{id}\""))).collect();
    for (body, reason) in [
        (call("refund", &deep), Reason::MalformedBody),
        (format!("{}{}", refund(1), " ".repeat(2000)), Reason::BodyTooLarge),
        (format!("[{}]", batch.join(",")), Reason::TooManyCalls),
    ] {
        let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
        let step = run(&gate, &fields, Some(fixture::claims()), body.as_bytes());
        let (refusal, _) = refused(step);
        assert_eq!(refusal.records[0].reason, reason);
        assert!(refusal.records[0].candidate.is_none(), "{reason:?}");
    }
    let values = |gate: &Gate| gate.bundle.limits.values;
    assert!(gate.candidate.as_deref().is_some_and(|it| values(it) == values(&gate)));
}

proptest! {
    /// For any request, a candidate changes only its own fields of the record.
    #[test]
    fn a_candidate_changes_no_decision(
        body in prop_oneof![
            any::<u16>().prop_map(|amount| refund(amount.into())),
            Just(call("get", r#"{"id":"1"}"#)), Just(call("drop", "{}")), "\\PC{0,40}",
        ],
        signed_in in any::<bool>(),
        path in prop_oneof![Just("/pay/mcp"), Just("/other")],
    ) {
        let fields = with(&[(":path", path)]);
        let claims = || signed_in.then(fixture::claims);
        let alone = run(&fixture::gate(), &fields, claims(), body.as_bytes());
        let watched = run(&with_candidate(), &fields, claims(), body.as_bytes());
        let stripped = |step: Step| match step {
            Step::Done(Effects { ending, headers, records, .. }) => {
                (format!("{ending:?} {headers:?}"), records)
            }
            Step::AwaitBody | Step::Drain | Step::Consult(_) => panic!(),
        };
        let ((before, alone), (after, watched)) = (stripped(alone), stripped(watched));
        prop_assert_eq!(before, after);
        prop_assert_eq!(alone.len(), watched.len());
        for (alone, watched) in alone.into_iter().zip(watched) {
            let watched = Record { candidate: None, candidate_decision: None, ..watched };
            prop_assert_eq!(alone.to_line(), watched.to_line());
        }
    }
}

/// Lists have what is in force; what other policies would do with them is counted.
#[test]
fn lists_that_shadow_policies_and_a_candidate_would_change() {
    use super::responses::{JSON, LIST, answered, asked};
    let forbid = |id: &str, tool: &str, mode: &str| {
        let source = format!(
            r#"@id("{id}") {mode} forbid (principal, action == Action::"pay/{tool}", resource);"#
        );
        json!({ "id": id, "source": source })
    };
    let bundle = |policy: Value| {
        let mut document = fixture::document_json();
        document["layers"]["org"].as_array_mut().unwrap().push(policy);
        document["manifest"]["mcp"]["record_lists"] = json!(true);
        crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle
    };
    let in_force = bundle(forbid("staged", "get", r#"@mode("shadow")"#));
    let next = bundle(forbid("next", "refund", ""));
    let gate = Gate::new(in_force, "test".to_owned()).beside(Some(next));
    let (mut exchange, _) = asked(&gate, &POST, LIST);
    let list = json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": fixture::listed() } });
    let got = answered(&mut exchange, &gate, &JSON, &[list.to_string().as_bytes()]);
    assert!(got.body.contains("refund") && got.body.contains("\"get\""), "{}", got.body);
    assert_eq!(
        got.counters,
        [
            "toolgate.flips.by.shadow.from.shown.to.hidden.tool.pay/get",
            "toolgate.flips.by.candidate.from.shown.to.hidden.tool.pay/refund",
        ]
    );
    assert_eq!(
        got.records[0]["detail"],
        "2 shown, 0 hidden; shadow: 1 more hidden, 0 more shown; \
         candidate: 1 more hidden, 0 more shown"
    );
}
