//! Bundles of several versions that remember at the same time: streams keep the bundle with which they
//! began, and workers load a pushed one at different moments.

use serde_json::{Value, json};

use super::{Worker, bundle, owners};
use crate::memory::{Millis, Store};
use crate::policy::{LazyContext as _, LazyValue};

const HOUR: Millis = 3_600_000;

/// Sections with a history of the last hour, and with budgets.
fn sections(budgets: &Value) -> Value {
    json!({ "history": { "windows": { "hour": "1h" } }, "budgets": budgets })
}

/// A budget of the caller, of 100 in a window.
fn refunds(kind: &str, window: &str) -> Value {
    json!({ "refunds": {
        "of": ["pay/refund"], "per": ["principal", "actor"], "amount": { "argument": "amount" },
        "limit": 100, "window": window, "kind": kind,
    } })
}

/// Calls of alice's agent under bundles with these sections: the amount, the time, and whether it is
/// permitted.
fn check(calls: &[(&Value, i64, Millis, bool)]) {
    let mut store = Store::default();
    for (place, (sections, amount, now, permitted)) in calls.iter().enumerate() {
        let bundle = bundle(sections);
        let owners = owners(&bundle, "alice", "bot");
        let call = Worker::new(&bundle, &owners, *amount).call(&mut store, *now);
        assert_eq!(call, *permitted, "call {place} of {calls:?}");
    }
}

#[test]
fn a_bundle_that_lacks_a_budget_does_not_forget_it() {
    for kind in ["fixed", "sliding", "token_bucket"] {
        let (old, new) = (sections(&json!({})), sections(&refunds(kind, "24h")));
        check(&[(&new, 60, HOUR, true), (&old, 60, 4 * HOUR, true), (&new, 60, 5 * HOUR, false)]);
    }
}

#[test]
fn a_bundle_with_a_shorter_window_does_not_forget_what_a_longer_one_reaches() {
    for kind in ["fixed", "sliding", "token_bucket"] {
        let (old, new) = (sections(&refunds(kind, "1h")), sections(&refunds(kind, "24h")));
        check(&[(&new, 60, HOUR, true), (&old, 1, 4 * HOUR, true), (&new, 60, 5 * HOUR, false)]);
    }
}

#[test]
fn a_bundle_with_another_kind_of_window_counts_for_itself() {
    let kinds = ["fixed", "sliding", "token_bucket"];
    for (old, new) in kinds.iter().flat_map(|old| kinds.map(|new| (*old, new))) {
        let (old, new) = (sections(&refunds(old, "1h")), sections(&refunds(new, "24h")));
        check(&[(&new, 60, HOUR, true), (&old, 20, HOUR + 1, true), (&new, 60, HOUR + 2, false)]);
    }
}

/// Once no stream has the longer window any more, the shorter one holds.
#[test]
fn a_shorter_window_holds_once_the_longer_one_is_over() {
    for kind in ["fixed", "sliding", "token_bucket"] {
        let (old, new) = (sections(&refunds(kind, "24h")), sections(&refunds(kind, "1h")));
        let hourly = (26..40).map(|hour| (&new, 90, hour * HOUR, true));
        let calls: Vec<_> = [(&old, 60, HOUR, true)].into_iter().chain(hourly).collect();
        check(&calls);
    }
}

#[test]
fn a_bundle_that_knows_less_forgets_no_history() {
    let marked = json!({ "pay": { "tools_from": "tools/pay.json",
        "tools": { "refund": { "carries": ["seen"] } } } });
    let old = json!({ "history": { "windows": { "short": "1m" } } });
    let new =
        json!({ "history": { "windows": { "day": "24h" }, "repeats": true }, "servers": marked });
    let mut store = Store::default();
    for (sections, now) in [(&new, HOUR), (&old, 3 * HOUR), (&old, 5 * HOUR)] {
        let bundle = bundle(sections);
        let owners = owners(&bundle, "alice", "bot");
        assert!(Worker::new(&bundle, &owners, 1).call(&mut store, now));
    }
    let seen: [&[&str]; 2] =
        [&["history", "day", "calls"], &["history", "labels", "seen", "attached"]];
    assert_eq!(facts(&new, &store, 6 * HOUR, seen), ["3", "true"]);
}

#[test]
fn a_shorter_storm_does_not_end_a_longer_one() {
    let bundle_with = |lasts: &str| {
        json!({
            "runaway": { "refusals": { "count": 2, "within": "1m", "lasts": lasts } },
            "budgets": { "refunds": { "of": ["pay/refund"], "limit": 0.5, "window": "1m" } },
        })
    };
    let (old, new) = (bundle_with("1s"), bundle_with("1h"));
    let mut store = Store::default();
    for (sections, now) in [(&new, HOUR), (&new, HOUR + 1), (&old, HOUR + 2)] {
        let bundle = bundle(sections);
        let owners = owners(&bundle, "alice", "bot");
        assert!(!Worker::new(&bundle, &owners, 1).call(&mut store, now));
    }
    let [facts] = facts(&new, &store, HOUR + 60_000, [&["runaway", "refusals"]]);
    assert_eq!(facts, "true");
}

/// What policies of a bundle with these sections see for a call of alice's agent.
fn facts<const N: usize>(
    sections: &Value,
    store: &Store,
    now: Millis,
    paths: [&[&str]; N],
) -> [String; N] {
    let bundle = bundle(sections);
    let owners = owners(&bundle, "alice", "bot");
    let worker = Worker::new(&bundle, &owners, 1);
    let recalled = worker.recall(store, now);
    let (working, asked) = worker.ask(&recalled);
    let attributes = working.attributes(&asked);
    paths.map(|path| match attributes.at(path).expect("it is there") {
        LazyValue::Bool(value) => value.to_string(),
        LazyValue::Long(number) => number.to_string(),
        LazyValue::Decimal(_) | LazyValue::Texts(_) | LazyValue::Record(_) => {
            panic!("{path:?} is neither a boolean nor a number")
        }
    })
}
