//! Times the same decision by Cedar's authorizer over the whole policy set, side by side.

use std::hint::black_box;
use std::time::Instant;

use cedar_policy::{Authorizer, Decision, Entities, Policy, PolicyId, PolicySet};
use toolgate::decide::decide;

use crate::asked::Asked;
use crate::document;

const POLICIES: usize = 10_000;
const ROUNDS: usize = 101;
/// Number of native decisions timed together, as a single one is too short for the clock.
const AT_ONCE: u32 = 1_000;

/// Cedar's time as a multiple of the gate's.
#[derive(Clone, Copy, Debug)]
pub struct Versus {
    /// Compared with the gate's decision on an existing Cedar request.
    pub decision: f64,
    /// Compared with building the request and deciding it.
    pub question_and_decision: f64,
}

/// Decides one call with 10,000 policies in turns and takes the median of each.
pub fn versus() -> Versus {
    let asked = Asked::of(POLICIES);
    let (policies, entities) = (whole_set(), entities(&asked));
    let question = asked.question();
    let posed = question.in_cedar().expect("the call fits the schema");
    let authorizer = Authorizer::new();
    let cedar = || authorizer.is_authorized(posed.request(), &policies, &entities);
    let ours = || decide(&asked.gate.bundle, &asked.identity, &question);
    let both = || decide(&asked.gate.bundle, &asked.identity, &asked.question());
    assert_eq!(cedar().decision(), Decision::Allow);
    assert!(ours().outcome.is_ok() && both().outcome.is_ok());
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(seconds(1, cedar));
        times[1].push(seconds(AT_ONCE, ours));
        times[2].push(seconds(AT_ONCE, both));
    }
    let [cedar, ours, both] = times.map(median);
    Versus { decision: cedar / ours, question_and_decision: cedar / both }
}

fn whole_set() -> PolicySet {
    let configuration = document::configuration(POLICIES);
    let configuration: serde_json::Value =
        serde_json::from_slice(&configuration).expect("the configuration reads");
    let sources = configuration["bundle"]["layers"]["org"].as_array().expect("a layer");
    let policies = sources.iter().map(|source| {
        let text = |member: &str| source[member].as_str().expect("a text");
        Policy::parse(Some(PolicyId::new(text("id"))), text("source")).expect("the policy reads")
    });
    PolicySet::from_policies(policies).expect("the ids are distinct")
}

fn entities(asked: &Asked) -> Entities {
    let entities = asked.gate.bundle.entities().clone();
    let principal = asked.identity.principal.entity.clone();
    entities.add_entities([principal], None).expect("the principal is new")
}

fn seconds<R>(times: u32, run: impl Fn() -> R) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        black_box(run());
    }
    start.elapsed().as_secs_f64() / f64::from(times)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
