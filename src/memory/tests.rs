//! Tests of memory as a whole, and what the tests of its parts share.

mod flood;
mod interleavings;
mod parts;
mod room;
mod versions;

use serde_json::{Value, json};

use super::settings::{Spends, Unanswered, Window};
use super::{
    Amount, Asked, Budget, MemorySettings, Millis, Name, Owners, Particulars, Plan, Problem,
    RateLimitSettings, Recalled, Secret, Sections, Store, Working, Write,
};
use crate::bundle::{self, Bundle};
use crate::fixture;
use crate::identity::{Attested, identify};
use crate::policy::ArgumentValue;

/// A budget of a limit in ten-thousandths.
pub(super) fn budget(window: Window, span: Millis, limit: i64) -> Budget {
    Budget {
        name: Name(1),
        title: "spending".into(),
        per: [].into(),
        amount: Spends::Calls,
        limit: Amount::of_units(limit),
        window,
        unanswered: Unanswered::Keep,
        global: None,
        span,
    }
}

/// Sections with a budget that a rate limit service counts.
pub(super) fn global() -> Value {
    json!({
        "budgets": { "refunds": {
            "of": ["pay/refund"], "amount": { "argument": "amount" }, "limit": 2000.5,
            "window": "24h", "kind": "fixed", "global": { "decimals": 2 },
        } },
        "rate_limit_service": { "cluster": "limits", "domain": "tools" },
    })
}

/// The plan of the fixture with these sections.
pub(super) fn plan(sections: &Value) -> Result<Plan, Vec<Problem>> {
    let tools: Vec<_> = bundle(&json!({})).tools().cloned().collect();
    let budgets = serde_json::from_value(sections["budgets"].clone()).unwrap();
    let service: Option<RateLimitSettings> =
        serde_json::from_value(sections["rate_limit_service"].clone()).unwrap();
    let memory = MemorySettings::default();
    let (budgets, service) = (&budgets, service.as_ref());
    let sections =
        Sections { memory, history: None, budgets, service, runaway: None, binds_tasks: false };
    Plan::of(sections, &tools).map(|plan| plan.expect("a budget"))
}

/// The fixture with these sections.
fn bundle(sections: &Value) -> Bundle {
    let mut document = fixture::document_json();
    let sections = sections.as_object().unwrap().clone();
    document["manifest"].as_object_mut().unwrap().extend(sections);
    let document = serde_json::from_value(document).unwrap();
    bundle::load(&document).unwrap_or_else(|findings| panic!("{findings:#?}")).bundle
}

/// The accounts of somebody with an agent.
fn owners(bundle: &Bundle, person: &str, agent: &str) -> Owners {
    let mut claims = fixture::claims();
    claims["sub"] = json!(person);
    claims["act"]["sub"] = json!(agent);
    let tokens = [("session".to_owned(), claims)].into();
    let identity = identify(&bundle.identity, &Attested { tokens, peer: None }).unwrap();
    let plan = bundle.memory.as_ref().unwrap();
    Owners::of(&bundle.id.name, plan, &identity, &Secret::default())
}

/// A worker that decides one call: it reads, decides, and stores part by part.
struct Worker<'a> {
    bundle: &'a Bundle,
    owners: &'a Owners,
    amount: i64,
    stored: Vec<Write>,
}

impl<'a> Worker<'a> {
    fn new(bundle: &'a Bundle, owners: &'a Owners, amount: i64) -> Self {
        Self { bundle, owners, amount, stored: Vec::new() }
    }

    fn recall(&self, store: &Store, now: Millis) -> Recalled {
        store.recall(self.owners.slots(), now, self.stored.clone())
    }

    fn ask<'w>(&self, recalled: &'w Recalled) -> (Working<'w>, Asked)
    where
        'a: 'w,
    {
        let plan = self.bundle.memory.as_ref().unwrap();
        let working = Working::open(plan, self.owners, Some(recalled));
        let input = [("amount".into(), ArgumentValue::Long(self.amount))].into();
        let tool = self.bundle.tool("pay", "refund").unwrap();
        let asked = working.ask(tool, &ArgumentValue::Record(input), &Particulars::default());
        (working, asked.unwrap())
    }

    /// What is to be stored, and whether the call is permitted.
    fn decide(&self, recalled: &Recalled) -> (bool, Vec<Write>) {
        let (mut working, asked) = self.ask(recalled);
        let permitted = !working.is_incomplete(&asked) && working.exceeded(&asked).is_none();
        if permitted {
            working.forward(&asked, true);
        } else {
            working.refuse();
        }
        (permitted, working.into_writes().unwrap())
    }

    /// Stores one value; returns whether nobody else had changed it.
    fn store(&mut self, store: &mut Store, write: &Write) -> bool {
        let stored = store.write(write);
        if stored {
            self.stored.retain(|earlier| earlier.slot != write.slot);
            self.stored.push(write.clone());
        }
        stored
    }

    /// Decides without anybody in between.
    fn call(&mut self, store: &mut Store, now: Millis) -> bool {
        let (permitted, writes) = self.decide(&self.recall(store, now));
        assert!(writes.iter().all(|write| self.store(store, write)));
        self.stored.clear();
        permitted
    }
}

fn used(bundle: &Bundle, owners: &Owners, store: &Store, now: Millis) -> i64 {
    let worker = Worker::new(bundle, owners, 0);
    let recalled = worker.recall(store, now);
    let (working, asked) = worker.ask(&recalled);
    let mut spends = working.spends(&asked);
    let (spend, budget, key) = spends.next().unwrap();
    working.account(key).unwrap().usage(budget, spend.part).used(budget, now)
}

#[test]
fn a_new_version_of_a_bundle_remembers_and_another_bundle_does_not() {
    let sections = json!({ "budgets": { "refunds": {
        "of": ["pay/refund"], "per": ["principal"], "amount": { "argument": "amount" },
        "limit": 100, "window": "1h"
    } } });
    let mut store = Store::default();
    let first = bundle(&sections);
    assert!(Worker::new(&first, &owners(&first, "alice", "bot"), 60).call(&mut store, 1000));
    for (changed, value, permitted) in
        [("version", json!(4), false), ("name", json!("other"), true)]
    {
        let mut sections = sections.clone();
        sections[changed] = value;
        let next = bundle(&sections);
        let owners = owners(&next, "alice", "another-bot");
        let mut store = store.clone();
        assert_eq!(Worker::new(&next, &owners, 60).call(&mut store, 2000), permitted, "{changed}");
        assert!(Worker::new(&next, &owners, 40).call(&mut store, 2000), "{changed}");
    }
}
