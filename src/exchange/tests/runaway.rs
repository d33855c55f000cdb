//! Records of signs that an agent is running away.

use std::rc::Rc;

use super::*;
use crate::memory::Store;

fn gate(runaway: &Value) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["runaway"] = runaway.clone();
    let document = serde_json::from_value(document).unwrap();
    let loaded = crate::bundle::load(&document);
    Gate::new(loaded.unwrap_or_else(|it| panic!("{it:#?}")).bundle, "test".to_owned())
}

/// Makes a call, and returns the reasons and details of its records.
fn call_at(gate: &Gate, store: &mut Store, now: u64, body: &str) -> Vec<String> {
    let mut exchange = Exchange::default();
    exchange.step(gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
    let Step::Done(effects) = exchange.end(gate, body.as_bytes(), store, now) else { panic!() };
    assert!(effects.memory.iter().all(|write| store.write(write)));
    let ids: std::collections::BTreeSet<_> = effects.records.iter().map(|it| &it.id).collect();
    assert_eq!(ids.len(), effects.records.len());
    let told = effects.records.iter().map(|record| {
        let detail = record.detail.clone().unwrap_or_default();
        format!("{} {detail}", record.reason.as_str()).trim_end().to_owned()
    });
    told.collect()
}

#[test]
fn a_sign_is_recorded_when_it_begins_and_when_it_ends() {
    let gate = gate(&json!({ "identical": 3 }));
    let (same, other) = (call("get", r#"{"id":"p"}"#), call("get", r#"{"id":"q"}"#));
    let mut store = Store::default();
    let mut call = |now, body: &str| call_at(&gate, &mut store, now, body);
    for now in 1..=2 {
        assert_eq!(call(now, &same), ["permitted"]);
    }
    assert_eq!(call(3, &same), ["permitted", "runaway_began identical"]);
    assert_eq!(call(4, &same), ["permitted"]);
    assert_eq!(call(5, &other), ["permitted", "runaway_ended identical"]);
    assert_eq!(call(6, &other), ["permitted"]);
}

#[test]
fn a_storm_of_refusals_begins_with_the_last_of_them() {
    let gate = gate(&json!({ "refusals": { "count": 2, "within": "1m", "lasts": "10m" } }));
    let (bad, good) = (call("refund", r#"{"amount":501}"#), call("get", r#"{"id":"p"}"#));
    let mut store = Store::default();
    let mut call = |now, body: &str| call_at(&gate, &mut store, now, body);
    assert_eq!(call(1000, &bad), ["forbidden"]);
    assert_eq!(call(2000, &bad), ["forbidden", "runaway_began refusals"]);
    assert_eq!(call(3000, &good), ["permitted"]);
    assert_eq!(call(602_001, &good), ["permitted", "runaway_ended refusals"]);
}

/// What has to be decided again is recorded again.
#[test]
fn a_sign_that_could_not_be_stored_is_noticed_by_the_next_attempt() {
    let gate = gate(&json!({ "identical": 1 }));
    let body = call("get", r#"{"id":"p"}"#);
    let mut exchange = Exchange::default();
    exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
    let mut store = Store::default();
    let Step::Done(effects) = exchange.end(&gate, body.as_bytes(), &store, 1) else { panic!() };
    assert_eq!(effects.records.len(), 2);
    // It was stored, and something else of the same request was not.
    assert!(effects.memory.iter().all(|write| store.write(write)));
    let recalled = Rc::new(store.recall(&exchange.recalls(), 1, effects.memory.clone()));
    exchange.step(&gate, Event::Recalled(&recalled));
    let Step::Done(effects) = exchange.step(&gate, Event::End(body.as_bytes())) else { panic!() };
    assert_eq!(effects.records.len(), 2);
}
