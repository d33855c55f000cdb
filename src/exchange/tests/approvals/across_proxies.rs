//! Approvals for several proxies.

use super::*;
use crate::memory::Answer;

/// One of the proxies, each of which has a secret of its own.
fn proxy(number: u8) -> Gate {
    let mut document = document(None);
    document["manifest"]["approvals"]["across_proxies"] = json!(true);
    document["manifest"]["rate_limit_service"] = json!({ "cluster": "limits" });
    gate_of(document).storing_by(&Secret::new([number; 32]))
}

/// Decides a refund with an approval at a proxy that has just started; returns the reason, and the
/// questions to the rate limit service, which has these answers.
fn used(gate: &Gate, jws: &str, amount: u32, answers: &[Answer]) -> (Reason, Vec<Vec<u8>>) {
    let sent = with_approval(Sent::refund(amount), jws);
    let (mut exchange, store) = (Exchange::default(), Store::default());
    exchange.step(gate, Event::Headers(&arrival(&sent.fields, Some(sent.claims.clone()))));
    let (mut asked, mut left) = (Vec::new(), answers.iter());
    loop {
        let slots = exchange.recalls();
        let recalled = std::rc::Rc::new(store.recall(&slots, 1000, Vec::new()));
        exchange.step(gate, Event::Recalled(&recalled));
        match exchange.step(gate, Event::End(sent.body.as_bytes())) {
            Step::Consult(Consult::RateLimit(query)) => {
                assert_eq!(query.cluster, "limits");
                asked.push(query.message);
                let answer = Consulted::RateLimit(left.next().expect("an answer").clone());
                exchange.step(gate, Event::Consulted(&answer));
            }
            Step::Done(effects) => return (effects.records[0].reason, asked),
            other @ (Step::AwaitBody | Step::Drain | Step::Consult(_)) => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_service_tells_whether_an_approval_was_used() {
    let (first, second) = (proxy(1), proxy(2));
    let jws = signed(&approval_of(&asked(&first, &Sent::refund(600))));
    let gone = Answer::Unavailable("no answer".to_owned());
    for (answer, reason) in [
        (Answer::Within, Reason::Permitted),
        (Answer::Over(Some(1000)), Reason::ApprovalUsed),
        (Answer::Over(None), Reason::ApprovalUsed),
        (gone, Reason::ApprovalUnavailable),
    ] {
        let questions = [&first, &second].map(|gate| {
            let (decided, questions) = used(gate, &jws, 600, std::slice::from_ref(&answer));
            assert_eq!(decided, reason);
            questions
        });
        let [[first], [second]] = questions.each_ref().map(Vec::as_slice) else { panic!() };
        assert_eq!(first, second, "the same approval");
    }
    // What does not pass uses nothing up.
    for (amount, reason) in [(601, Reason::ApprovalMismatch), (5001, Reason::Forbidden)] {
        assert_eq!(used(&second, &jws, amount, &[]), (reason, vec![]));
    }
}

#[test]
fn another_proxy_does_not_know_an_approval_by_default() {
    let other = gate(None).storing_by(&Secret::new([4; 32]));
    let jws = signed(&approval_of(&asked(&gate(None), &Sent::refund(600))));
    assert_eq!(used(&other, &jws, 600, &[]), (Reason::ApprovalMismatch, vec![]));
}

#[test]
fn somebody_must_count() {
    let mut document = document(None);
    document["manifest"]["approvals"]["across_proxies"] = json!(true);
    let findings = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap_err();
    let text = format!("{findings:?}");
    assert!(text.contains("approvals.across_proxies") && text.contains("rate_limit_service"));
}
