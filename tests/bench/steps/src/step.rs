//! The steps of an exchange, each with all previous steps already done.

use std::hint::black_box;

use toolgate::digest::Digest;
use toolgate::exchange;
use toolgate::identity::identify;
use toolgate::mcp::{self, StandardHeaders};
use toolgate::{decide, json};

use crate::answered::Answered;
use crate::asked::{self, Asked, FORBIDDEN, PERMITTED};
use crate::document;
use crate::remembered::Remembered;

/// A step to measure.
pub struct Step {
    /// The name of the step.
    pub name: &'static str,
    /// Whether one run is enough, because it takes long.
    pub long: bool,
    /// Runs the step.
    pub run: Box<dyn Fn()>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All steps, in the order of an exchange.
pub fn all() -> Vec<Step> {
    // They live until the program ends.
    let sizes: [&'static Asked; 3] =
        [10, 1_000, 10_000].map(|policies| &*Box::leak(Box::new(Asked::of(policies))));
    let [few, some, many] = sizes;
    let mut steps = before_the_decision(few);
    steps.extend([decision("decide 10", few), decision("decide 1000", some)]);
    steps.push(decision("decide 10000", many));
    steps.extend(after_the_decision(few));
    steps.extend([
        step("exchange, permitted", || few.exchange(PERMITTED)),
        step("exchange, refused", || few.exchange(FORBIDDEN)),
        step("exchange 10000, permitted", || many.exchange(PERMITTED)),
        remembering("exchange, remembering"),
        response("exchange, list of 50 tools", Answered::list()),
        response("exchange, masked result", Answered::masked()),
        loading("load 10", 10),
        loading("load 10000", 10_000),
    ]);
    steps
}

fn before_the_decision(asked: &'static Asked) -> Vec<Step> {
    vec![
        step("headers", || StandardHeaders::read(&asked::head(asked::PATH))),
        step("claims, read", || asked.evidence().attested()),
        step("claims, known", || asked.evidence().sender_key(usize::MAX)),
        step("identity", || identify(&asked.gate.bundle.identity, &asked.attested)),
        step("body", || json::read(PERMITTED.as_bytes(), 32)),
        step("message", || mcp::read(&asked.body, &asked.headers, 1)),
        step("arguments", || asked.tool().arguments(asked.arguments(), usize::MAX)),
        step("question", || asked.question()),
    ]
}

fn decision(name: &'static str, asked: &'static Asked) -> Step {
    let question = asked.question();
    step(name, move || decide::decide(&asked.gate.bundle, &asked.identity, &question))
}

fn after_the_decision(asked: &'static Asked) -> Vec<Step> {
    let exchange::Step::Done(permitted) = asked.exchange(PERMITTED) else {
        panic!("the call is not decided")
    };
    vec![
        step("digest of arguments", || {
            asked.arguments().map(|arguments| Digest::of_bytes(arguments.canonical().as_bytes()))
        }),
        step("digest of claims", || {
            asked.attested.tokens.values().map(Digest::of).collect::<Vec<_>>()
        }),
        step("filter state", move || permitted.filter_state()),
    ]
}

fn response(name: &'static str, answered: Answered) -> Step {
    step(name, move || answered.exchange())
}

fn remembering(name: &'static str) -> Step {
    let remembered = Remembered::new();
    step(name, move || remembered.exchange())
}

fn loading(name: &'static str, policies: usize) -> Step {
    let configuration = document::configuration(policies);
    Step { long: true, ..step(name, move || asked::gate(&configuration)) }
}

fn step<R>(name: &'static str, run: impl Fn() -> R + 'static) -> Step {
    Step { name, long: false, run: Box::new(move || drop(black_box(run()))) }
}
