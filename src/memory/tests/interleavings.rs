//! Every order in which two workers can read, decide and store.
#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

use std::collections::BTreeSet;

use serde_json::json;

use super::{Worker, bundle, owners, used};
use crate::bundle::Bundle;
use crate::memory::{ONE, Owners, Recalled, Store, Write};

/// Where a worker is.
#[derive(Clone)]
enum At {
    Start,
    Read(Recalled),
    /// It stores the next of these values.
    Storing(bool, Vec<Write>),
    Done(bool),
}

#[derive(Clone)]
struct State {
    store: Store,
    at: [At; 2],
    stored: [Vec<Write>; 2],
}

/// The ends of all orders: which calls were permitted, and what is used of each worker's budget.
fn ends(
    bundle: &Bundle,
    owners: [&Owners; 2],
    amounts: [i64; 2],
) -> BTreeSet<([bool; 2], [i64; 2])> {
    let start =
        State { store: Store::default(), at: [At::Start, At::Start], stored: Default::default() };
    let (mut open, mut ends, mut steps) = (vec![start], BTreeSet::new(), 0);
    while let Some(state) = open.pop() {
        steps += 1;
        assert!(steps < 100_000, "two workers hold each other up");
        let ready = [0, 1].into_iter().filter(|worker| !matches!(state.at[*worker], At::Done(_)));
        let ready: Vec<usize> = ready.collect();
        if let [At::Done(one), At::Done(other)] = state.at {
            let used = owners.map(|owners| used(bundle, owners, &state.store, 10));
            ends.insert(([one, other], used));
        }
        for worker in ready {
            open.push(step(bundle, owners[worker], amounts[worker], state.clone(), worker));
        }
    }
    ends
}

fn step(bundle: &Bundle, owners: &Owners, amount: i64, mut state: State, worker: usize) -> State {
    let mut acting =
        Worker { stored: state.stored[worker].clone(), ..Worker::new(bundle, owners, amount) };
    state.at[worker] = match state.at[worker].clone() {
        At::Start => At::Read(acting.recall(&state.store, 10)),
        At::Read(recalled) => {
            let (permitted, writes) = acting.decide(&recalled);
            At::Storing(permitted, writes)
        }
        At::Storing(permitted, mut writes) => match writes.pop() {
            Some(write) if acting.store(&mut state.store, &write) => At::Storing(permitted, writes),
            Some(_) => At::Start,
            None => At::Done(permitted),
        },
        done @ At::Done(_) => done,
    };
    state.stored[worker] = acting.stored;
    state
}

/// Two budgets, so that each call stores in several places.
fn two_budgets() -> Bundle {
    bundle(&json!({
        "history": { "windows": { "hour": "1h" } },
        "budgets": {
            "a_personal": { "of": ["pay/refund"], "per": ["principal"], "amount": { "argument": "amount" }, "limit": 10, "window": "1h" },
            "b_company": { "of": ["pay/refund"], "per": ["tenant"], "amount": { "argument": "amount" }, "limit": 12, "window": "1h", "kind": "fixed" },
        },
    }))
}

#[test]
fn a_budget_is_never_exceeded_and_nothing_of_it_is_lost() {
    let bundle = two_budgets();
    let alice = owners(&bundle, "alice", "bot");
    for (amounts, permitted) in [([6, 6], 1), ([5, 5], 2), ([6, 4], 2), ([11, 1], 1)] {
        for (calls, used) in ends(&bundle, [&alice, &alice], amounts) {
            let spent: i64 =
                calls.iter().zip(amounts).filter(|(call, _)| **call).map(|(_, it)| it).sum();
            assert_eq!(used, [spent * ONE; 2], "{amounts:?} {calls:?}");
            assert_eq!(calls.iter().filter(|call| **call).count(), permitted, "{amounts:?}");
        }
    }
}

#[test]
fn a_budget_that_two_people_share_is_not_exceeded_either() {
    let bundle = two_budgets();
    let (alice, bob) = (owners(&bundle, "alice", "bot"), owners(&bundle, "bob", "bot"));
    for (calls, used) in ends(&bundle, [&alice, &bob], [7, 7]) {
        assert_eq!(calls.iter().filter(|call| **call).count(), 1);
        assert_eq!(
            used,
            calls.map(|call| if call { 7 * ONE } else { 0 }),
            "only the one that is permitted"
        );
    }
}

/// A label is attached by each order, also by those in which a call is decided again.
#[test]
fn a_label_once_attached_is_seen_by_every_later_call() {
    let bundle = bundle(&json!({
        "servers": { "pay": { "tools_from": "tools/pay.json", "tools": { "refund": { "carries": ["seen"] } } } },
        "history": { "windows": { "hour": "1h" } },
    }));
    let alice = owners(&bundle, "alice", "bot");
    let start =
        State { store: Store::default(), at: [At::Start, At::Start], stored: Default::default() };
    let mut open = vec![start];
    while let Some(state) = open.pop() {
        let done = state.at.iter().any(|at| matches!(at, At::Done(true)));
        let worker = Worker::new(&bundle, &alice, 1);
        let recalled = worker.recall(&state.store, 20);
        let (working, _) = worker.ask(&recalled);
        let is_attached = !working.account(alice.caller.unwrap()).unwrap().labels.is_empty();
        assert!(is_attached || !done);
        for worker in [0, 1] {
            if !matches!(state.at[worker], At::Done(_)) {
                open.push(step(&bundle, &alice, 1, state.clone(), worker));
            }
        }
    }
}
