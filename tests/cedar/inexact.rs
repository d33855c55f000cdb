//! An argument that no Cedar value equals passes only where it cannot matter: the decision is that
//! for every value in its place, or the call is refused because of the argument.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use toolgate::reason::Reason;

use super::calls::Call;
use super::{Answer, PART, Set, for_each_call};

/// Many sets with few calls each: whether a set refuses an argument depends on its policies.
const SETS: u32 = if PART == 1 { 144 } else { 24 };
const POLICIES: u32 = 12;
const CALLS: u32 = 20;

/// Arguments, a value of each that no Cedar value equals, and values that some do.
fn arguments() -> Vec<(&'static str, Value, Vec<Value>)> {
    let big = json!(9_007_199_254_740_993_u64);
    let digits = json!(0.123_456);
    vec![
        ("n", big.clone(), vec![json!(0), json!(3), json!(8), json!(-1)]),
        ("price", digits.clone(), vec![json!(0), json!(1.5), json!(-2.25)]),
        (
            "at",
            json!("2026-01-31T12:00:00.0001Z"),
            vec![
                json!("1970-01-01T00:00:00Z"),
                json!("2026-01-31T12:00:00Z"),
                json!("2100-01-01T00:00:00Z"),
            ],
        ),
        ("longs", json!([1, big]), vec![json!([]), json!([1]), json!([0, 1, 2])]),
        ("prices", json!([digits]), vec![json!([]), json!([0.5])]),
        (
            "nest",
            json!({ "name": "a", "size": big }),
            vec![json!({ "name": "a", "size": 0 }), json!({ "name": "a", "size": 4 })],
        ),
        ("either", big.clone(), vec![json!(0), json!(2), json!("a")]),
        ("pair", json!(["a", big]), vec![json!(["a", 0]), json!(["a", 3])]),
    ]
}

#[test]
fn what_cannot_be_read_passes_only_where_it_does_not_matter() {
    let tallies = [true, false].map(check);
    for reason in [Reason::Permitted, Reason::InvalidArguments, Reason::Forbidden] {
        let counts = tallies.iter().filter_map(|tally| tally.get(reason.as_str()));
        assert!(counts.sum::<u32>() > 100 / PART, "{reason:?}: {tallies:?}");
    }
}

fn check(careful: bool) -> BTreeMap<&'static str, u32> {
    let tally = RefCell::new(BTreeMap::new());
    for_each_call([SETS, POLICIES, CALLS], careful, |set, call| {
        for (name, inexact, others) in arguments() {
            let Some(answers) = set.answers_with(call, name, &inexact) else { continue };
            *tally.borrow_mut().entry(answers[0].0.as_str()).or_default() += 1;
            for other in &others {
                let exact = set.answers_with(call, name, other);
                for (answer, exact) in answers.iter().zip(exact.iter().flatten()) {
                    let holds = answer == exact || answer.0 == Reason::InvalidArguments;
                    prop_assert!(
                        holds,
                        "{name}: {answer:?}, but {exact:?} for {other}: {call:#?}\n{:#}",
                        set.document
                    );
                }
            }
        }
        Ok(())
    });
    tally.into_inner()
}

impl Set {
    /// The decisions of the gate about a call with another value of one argument; `None` where the
    /// call is not put to policies at all.
    fn answers_with(&self, call: &Call, name: &str, value: &Value) -> Option<[Answer; 2]> {
        let mut arguments: Value = serde_json::from_str(&call.arguments).expect("JSON");
        arguments[name] = value.clone();
        let identity = self.identity(call);
        self.entities(&identity)?;
        let call = call.with(arguments.to_string());
        self.question(&call, &identity, |question| Some(self.ours(&identity, &question.ok()?)))
    }
}
