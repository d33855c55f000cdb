//! For whom and what budgets are counted, and when a call that exceeds them would fit.

use serde_json::{Value, json};

use super::{Worker, bundle, owners};
use crate::memory::Store;
use crate::policy::LazyContext as _;

/// A budget of 100 for these.
fn per(parts: &Value) -> Value {
    json!({ "budgets": { "refunds": {
        "of": ["pay/refund"], "per": parts, "amount": { "argument": "amount" },
        "limit": 100, "window": "1h",
    } } })
}

#[test]
fn tools_without_a_class_are_counted_together() {
    for parts in [json!(["class"]), json!(["class", "tool"])] {
        let mut sections = per(&parts);
        sections["servers"] =
            json!({ "pay": { "tools_from": "tools/pay.json", "tools": { "refund": {} } } });
        let bundle = bundle(&sections);
        let (owners, mut store) = (owners(&bundle, "alice", "bot"), Store::default());
        let worker = Worker::new(&bundle, &owners, 60);
        let recalled = worker.recall(&store, 1000);
        let (working, asked) = worker.ask(&recalled);
        let budget = working.attributes(&asked).at(&["budget", "refunds"]).is_some();
        assert!(budget, "the schema says that a call has it");
        let calls = [(); 2].map(|()| Worker::new(&bundle, &owners, 60).call(&mut store, 1000));
        assert_eq!(calls, [true, false], "{parts}");
    }
}

#[test]
fn people_without_a_transaction_are_counted_each() {
    let bundle = bundle(&per(&json!(["transaction"])));
    let mut store = Store::default();
    for person in ["alice", "bob"] {
        let owners = owners(&bundle, person, "bot");
        let calls = [(); 2].map(|()| Worker::new(&bundle, &owners, 60).call(&mut store, 1000));
        assert_eq!(calls, [true, false], "{person}");
    }
}

#[test]
fn a_call_fits_once_it_fits_into_every_budget() {
    let budget = |limit: i64, window: &str| {
        json!({ "of": ["pay/refund"], "per": ["principal"], "amount": { "argument": "amount" },
            "limit": limit, "window": window })
    };
    let (hour, day) = (Some(3_600_000), Some(86_400_000));
    for (budgets, wait) in [
        (json!({ "a": budget(100, "1h"), "b": budget(100, "24h") }), ("b", day)),
        (json!({ "a": budget(100, "24h"), "b": budget(100, "1h") }), ("a", day)),
        (json!({ "a": budget(100, "1h"), "b": budget(70, "24h") }), ("b", None)),
        (json!({ "a": budget(70, "24h"), "b": budget(100, "1h") }), ("a", None)),
        (json!({ "a": budget(100, "1h"), "b": budget(500, "24h") }), ("a", hour)),
    ] {
        let bundle = bundle(&json!({ "budgets": budgets }));
        let (owners, mut store) = (owners(&bundle, "alice", "bot"), Store::default());
        assert!(Worker::new(&bundle, &owners, 60).call(&mut store, 1000));
        let worker = Worker::new(&bundle, &owners, 80);
        let recalled = worker.recall(&store, 1000);
        let (working, asked) = worker.ask(&recalled);
        let exceeded = working.exceeded(&asked).unwrap();
        assert_eq!((&*exceeded.spending.budget, exceeded.wait), wait, "{budgets}");
    }
}
