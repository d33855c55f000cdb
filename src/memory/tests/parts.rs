//! For whom and what budgets are counted, and when a call that exceeds them would fit.

use serde_json::{Value, json};

use super::{Worker, bundle, owners};
use crate::memory::Store;

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
        let (working, asked) = worker.ask(&worker.recall(&store, 1000));
        let facts = working.facts(&asked);
        let has_budget = facts.iter().any(|(name, value)| {
            *name == "budget" && format!("{value:?}").contains("\"refunds\"")
        });
        assert!(has_budget, "the schema says that a call has it: {facts:?}");
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
