//! Budgets that a rate limit service counts.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

use std::rc::Rc;

use super::*;
use crate::memory::{Answer, Store};

fn gate(unavailable: &str) -> Gate {
    let mut document = fixture::document_json();
    let manifest = &mut document["manifest"];
    manifest["limits"] = json!({ "calls": 3 });
    manifest["rate_limit_service"] = json!({ "cluster": "limits", "timeout_ms": 50 });
    let global = json!({ "decimals": 2, "unavailable": unavailable });
    manifest["budgets"] = json!({
        "refunds": { "of": ["pay/refund"], "amount": { "argument": "amount" }, "limit": 100,
            "window": "1h", "kind": "fixed", "global": global },
        "requests": { "limit": 2, "window": "1h", "kind": "fixed", "global": global },
    });
    let document = serde_json::from_value(document).unwrap();
    let loaded = crate::bundle::load(&document);
    Gate::new(loaded.unwrap_or_else(|it| panic!("{it:#?}")).bundle, "test".to_owned())
}

/// Makes a request whose questions to the service have these answers; returns its reason, and how
/// many questions there were.
fn asked(gate: &Gate, store: &mut Store, body: &str, answers: &[Answer]) -> (Reason, usize) {
    let mut exchange = Exchange::default();
    exchange.step(gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
    let (mut questions, mut left) = (0, answers.iter());
    loop {
        let recalled = Rc::new(store.recall(&exchange.recalls(), 1000, Vec::new()));
        exchange.step(gate, Event::Recalled(&recalled));
        match exchange.step(gate, Event::End(body.as_bytes())) {
            Step::Consult(Consult::RateLimit(query)) => {
                assert_eq!((query.cluster.as_str(), query.timeout), ("limits", 50));
                questions += 1;
                let answer = Consulted::RateLimit(left.next().expect("an answer").clone());
                exchange.step(gate, Event::Consulted(&answer));
            }
            Step::Done(effects) => {
                assert!(effects.memory.iter().all(|write| store.write(write)));
                return (effects.records[0].reason, questions);
            }
            other @ (Step::AwaitBody | Step::Drain | Step::Consult(_)) => panic!("{other:?}"),
        }
    }
}

const WITHIN: Answer = Answer::Within;
const OVER: Answer = Answer::Over(None);

fn gone() -> Answer {
    Answer::Unavailable("no answer".to_owned())
}

#[test]
fn a_call_passes_if_the_service_counts_all_that_it_spends() {
    let body = call("refund", r#"{"amount":60}"#);
    let unaffordable = call("refund", r#"{"amount":101}"#);
    let free = call("refund", r#"{"amount":0}"#);
    for (body, answers, expected) in [
        (&body, vec![WITHIN, WITHIN], (Reason::Permitted, 2)),
        (&body, vec![OVER], (Reason::BudgetExceeded, 1)),
        (&body, vec![WITHIN, OVER], (Reason::BudgetExceeded, 2)),
        (&body, vec![gone()], (Reason::BudgetUnavailable, 1)),
        (&body, vec![WITHIN, gone()], (Reason::BudgetUnavailable, 2)),
        // The service need not be asked.
        (&unaffordable, vec![], (Reason::BudgetExceeded, 0)),
        (&free, vec![WITHIN], (Reason::Permitted, 1)),
    ] {
        let got = asked(&gate("refuse"), &mut Store::default(), body, &answers);
        assert_eq!(got, expected, "{body} {answers:?}");
    }
}

/// Of a batch that policies refuse, nothing is spent.
#[test]
fn nobody_is_asked_about_a_call_that_is_refused_anyhow() {
    let good = call("refund", r#"{"amount":1}"#);
    let (bad, unknown) = (call("refund", r#"{"amount":-1}"#), call("nothing", "{}"));
    for (body, reason) in [
        (bad.clone(), Reason::InvalidArguments),
        (format!("[{good},{}]", unknown.replace("\"x\"", "\"y\"")), Reason::BatchRefused),
    ] {
        let got = asked(&gate("refuse"), &mut Store::default(), &body, &[]);
        assert_eq!(got, (reason, 0), "{body}");
    }
}

#[test]
fn every_call_of_a_batch_is_paid() {
    let one = call("refund", r#"{"amount":1}"#);
    let body = format!("[{one},{}]", one.replace("\"x\"", "\"y\""));
    let got = asked(&gate("refuse"), &mut Store::default(), &body, &[WITHIN; 4]);
    assert_eq!(got, (Reason::Permitted, 4));
}

/// What the service has counted, this proxy has counted too.
#[test]
fn without_an_answer_the_limit_is_that_of_this_proxy() {
    let (gate, body) = (gate("local"), call("refund", r#"{"amount":60}"#));
    let mut store = Store::default();
    let gone = [gone(), gone()];
    assert_eq!(asked(&gate, &mut store, &body, &gone), (Reason::Permitted, 2));
    assert_eq!(asked(&gate, &mut store, &body, &gone), (Reason::BudgetExceeded, 1));
    // The service knows better.
    assert_eq!(asked(&gate, &mut store, &body, &[WITHIN; 2]), (Reason::Permitted, 2));
    let free = call("refund", r#"{"amount":0}"#);
    assert_eq!(asked(&gate, &mut store, &free, &gone), (Reason::BudgetExceeded, 1));
}

#[test]
fn a_request_that_is_not_answered_is_not_forwarded() {
    let gate = gate("local");
    let body = call("refund", r#"{"amount":1}"#);
    let mut exchange = Exchange::default();
    exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
    assert!(matches!(exchange.step(&gate, Event::End(body.as_bytes())), Step::Consult(_)));
    // An edge that goes on as if it had asked.
    let (refusal, _) = refused(exchange.step(&gate, Event::End(body.as_bytes())));
    assert_eq!(refusal.records[0].reason, Reason::Internal);
}

/// Edges without a proxy count for themselves.
#[test]
fn cases_count_global_budgets() {
    let (gate, mut store) = (gate("refuse"), Store::default());
    let body = call("refund", r#"{"amount":60}"#);
    for reason in [Reason::Permitted, Reason::BudgetExceeded] {
        let mut exchange = Exchange::default();
        exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
        let Step::Done(effects) = exchange.end(&gate, body.as_bytes(), &store, 1000) else {
            panic!()
        };
        assert!(effects.memory.iter().all(|write| store.write(write)));
        assert_eq!(effects.records[0].reason, reason);
    }
}
