//! More accounts than there is room for.

use serde_json::json;

use super::{Worker, bundle, owners, used};
use crate::memory::names::Key;
use crate::memory::{ONE, Owners, Secret, Store};

/// Whoever floods memory gains nothing, for himself or against somebody else: a budget that may have
/// been forgotten is not spent.
#[test]
fn an_account_that_had_to_give_way_is_not_as_good_as_new() {
    let bundle = bundle(&json!({
        "memory": { "bytes": 8192 * 1024 },
        "budgets": { "refunds": {
            "of": ["pay/refund"], "per": ["principal"], "amount": { "argument": "amount" },
            "limit": 100, "window": "1h"
        } },
    }));
    let mut store = Store::default();
    let victim = owners(&bundle, "victim", "bot");
    assert!(Worker::new(&bundle, &victim, 60).call(&mut store, 1000));
    // People whose accounts are in the victim's slot; nobody can choose one.
    let key = victim.budgets[0][0];
    let other = |number| Key { owner: key.owner.wrapping_add(number), ..key };
    let mut others = (1..).map(|it| Owners::new(None, None, vec![vec![other(it)]], None));
    let mut refused = 0;
    for now in 1001..1101 {
        let mallory = others.next().unwrap();
        refused += usize::from(!Worker::new(&bundle, &mallory, 1).call(&mut store, now));
    }
    assert!(refused > 0, "the slot is full");
    assert!(!Worker::new(&bundle, &victim, 60).call(&mut store, 2000), "what is left is not known");
    let later = 3_700_000;
    assert_eq!(used(&bundle, &victim, &store, later), 0);
    assert!(Worker::new(&bundle, &victim, 100).call(&mut store, later), "the window is over");
    assert_eq!(used(&bundle, &victim, &store, later), 100 * ONE);
}

/// Whoever can choose transactions searches in vain for one that fills a victim's slot.
#[test]
fn a_slot_cannot_be_found_without_the_secret() {
    let (guessed, secret) = (Secret::default(), Secret::new([7; 32]));
    let slot = |secret: &Secret, owner: u32| Key::of(&("account", owner), secret).slot;
    let victim = 0;
    let aimed = (1..).filter(|owner| slot(&guessed, *owner) == slot(&guessed, victim));
    for owner in aimed.take(3) {
        assert_ne!(slot(&secret, owner), slot(&secret, victim), "{owner}");
    }
}
