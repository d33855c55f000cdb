use super::super::decision::{Ruled, decide};
use super::super::example::{NAME, NOW, key, request, signed};
use super::*;
use crate::approval::Ruling;

fn asked(requests: &[(&str, u32)]) -> Ledger {
    let mut ledger = Ledger::default();
    for (place, (person, number)) in requests.iter().enumerate() {
        ledger.ask(&place.to_string(), NOW, signed(request(person, *number)));
    }
    ledger
}

fn approve(ledger: &mut Ledger, id: &str) {
    let ruled = Ruled {
        ruling: Ruling::Approved,
        approver: [("sub".to_owned(), "carol".into())].into_iter().collect(),
        reason: None,
    };
    let entry = ledger.get(id).unwrap();
    let approval = decide(&entry.request, ruled, "1", (NAME, &key(3)), (NOW, 300)).unwrap();
    ledger.decide(id, approval);
}

#[test]
fn a_decision_is_handed_out_once() {
    let mut ledger = asked(&[("alice", 1)]);
    let again = request("alice", 1);
    let next = Request { jti: "next".to_owned(), iat: NOW + 1, ..again.clone() };
    let waits = |newer| Standing::Waits { id: "0".to_owned(), newer };
    assert_eq!(ledger.standing(&again, NOW), waits(false));
    assert_eq!(ledger.standing(&next, NOW), waits(true));
    assert!(ledger.hand_out("0", NOW).is_none());
    approve(&mut ledger, "0");
    assert_eq!(ledger.standing(&next, NOW), Standing::Decided("0".to_owned()));
    assert!(ledger.hand_out("0", NOW).is_some());
    assert!(ledger.hand_out("0", NOW).is_none());
    // The very same request gets nothing more; who asks again puts it to people again.
    assert_eq!(ledger.standing(&again, NOW), Standing::Answered);
    assert_eq!(ledger.standing(&next, NOW), Standing::New);
}

#[test]
fn older_requests_replace_none() {
    let ledger = asked(&[("alice", 1)]);
    let older = Request { jti: "older".to_owned(), iat: NOW - 1, ..request("alice", 1) };
    assert_eq!(ledger.standing(&older, NOW), Standing::Waits { id: "0".to_owned(), newer: false });
}

#[test]
fn every_request_leads_to_its_entry() {
    let mut ledger = asked(&[("alice", 1), ("bob", 1)]);
    ledger.ask("0", NOW, signed(Request { jti: "next".to_owned(), ..request("alice", 1) }));
    let entry = |jti| ledger.of_request(jti).map(|entry| &*entry.id);
    assert_eq!(
        [entry("alice-1"), entry("next"), entry("bob-1")],
        [Some("0"), Some("0"), Some("1")]
    );
    assert_eq!([entry("0"), entry("other")], [None, None]);
}

#[test]
fn another_gate_has_requests_of_its_own() {
    let ledger = asked(&[("alice", 1)]);
    let other = Request { iss: "other".to_owned(), ..request("alice", 1) };
    assert_eq!(ledger.standing(&other, NOW), Standing::New);
}

#[test]
fn what_has_expired_does_not_wait() {
    let mut ledger = asked(&[("alice", 1), ("alice", 2)]);
    approve(&mut ledger, "1");
    assert_eq!(ledger.pending(NOW).count(), 1);
    assert_eq!(ledger.pending(NOW + 600).count(), 0);
    let late = |number| Request { iat: NOW + 600, exp: NOW + 900, ..request("alice", number) };
    assert_eq!(ledger.standing(&late(1), NOW + 600), Standing::New);
    assert_eq!(ledger.standing(&late(2), NOW + 600), Standing::New);
    assert!(ledger.hand_out("1", NOW + 600).is_none());
}

#[test]
fn places_are_limited() {
    let people: Vec<String> = (0..11).map(|number| format!("person-{number}")).collect();
    let mut ledger = Ledger::default();
    let ask = |ledger: &mut Ledger, person: &str, number: u32| {
        let request = signed(request(person, number));
        if ledger.standing(&request.claims, NOW) == Standing::New {
            ledger.ask(&format!("{person}-{number}"), NOW, request);
        }
    };
    for number in 0..105 {
        ask(&mut ledger, &people[0], number);
    }
    assert_eq!(ledger.pending(NOW).count(), PENDING_OF_ONE);
    for person in &people[1..] {
        (0..95).for_each(|number| ask(&mut ledger, person, number));
    }
    assert_eq!(ledger.pending(NOW).count(), PENDING);
    // What is finished gives way.
    let later = NOW + 600;
    for number in 0..5 {
        let late = Request { exp: later + 600, ..request("zoe", number) };
        ledger.ask(&format!("zoe-{number}"), later, signed(late));
    }
    assert_eq!(ledger.finished(later).count(), FINISHED);
    assert_eq!(ledger.all().count(), FINISHED + 5);
    ledger.ask("last", later + 600 + MEMORY, signed(request("zoe", 9)));
    assert_eq!(ledger.all().count(), 1);
}

#[test]
fn earlier_requests_of_the_pair_are_told() {
    let mut ledger = asked(&[("alice", 1), ("bob", 1), ("alice", 2)]);
    let mut other = request("alice", 3);
    other.binding.context.chain.clear();
    ledger.ask("3", NOW, signed(other));
    let pair: Vec<&str> =
        ledger.of_pair(ledger.get("2").unwrap()).map(|entry| entry.id.as_str()).collect();
    assert_eq!(pair, ["0"]);
}
