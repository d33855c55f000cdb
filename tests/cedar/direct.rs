//! Compares the native evaluator of conditions with Cedar's.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::PolicyId;
use cedar_policy_core::ast::{Policy, Request};
use cedar_policy_core::entities::Entities as Graph;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use toolgate::policy::{CompiledPolicy, Env, authorize};

use super::Set;
use super::calls::call;
use super::choices::{Choices, choices};
use super::conditions::condition;

/// Number of generated entity sets, and the maximum number of conditions and calls for each.
const WORLDS: u32 = 200;
const CONDITIONS: usize = 160;
const CALLS: usize = 30;

/// Parts of conditions that must occur often with every result.
const FORMS: [&str; 58] = [
    "",
    " == ",
    " != ",
    " < ",
    " <= ",
    " > ",
    " >= ",
    " && ",
    " || ",
    "!(",
    "if ",
    " like ",
    " is ",
    " has ",
    " in ",
    " in ([",
    ".contains(",
    ".containsAll(",
    ".containsAny(",
    ".lessThan(",
    ".lessThanOrEqual(",
    ".greaterThan(",
    ".greaterThanOrEqual(",
    "(decimal(",
    "\"-0.5\"",
    "\"01.5\"",
    "([])",
    "true",
    "-1",
    "Input::kind",
    "principal",
    "resource",
    "action",
    "input.flag",
    "input.n",
    "input.price",
    "input.exact",
    "input.text",
    "input.maybe",
    "input.kind",
    "input.texts",
    "input.longs",
    "input.prices",
    "input.kinds",
    "input.parts",
    "nest.deep.flag",
    "typeChoice0",
    "proj1",
    "input.at",
    "input.from",
    "request.method",
    "request.trace_id",
    "request.source_ip",
    "token.scopes",
    "token.txn",
    "delegation.agents",
    "actor.size",
    "resource.meta.name",
];

/// How often a condition is false and true, natively and by Cedar, and how often its evaluation
/// fails.
#[derive(Debug, Default)]
struct Count {
    direct: [u32; 2],
    asked: [u32; 2],
    errors: u32,
}

#[test]
fn conditions_are_answered_as_cedar_answers_them() {
    let tally = RefCell::new(BTreeMap::<&str, Count>::new());
    let config =
        ProptestConfig { cases: WORLDS, failure_persistence: None, ..ProptestConfig::default() };
    let several = |size, most| proptest::collection::vec(choices(size), 1..=most);
    let cases = (choices(600), several(60, CONDITIONS), several(100, CALLS));
    let result = TestRunner::new(config).run(&cases, |(entities, conditions, calls)| {
        let set = Set::new(&entities, &[Vec::new()], true);
        let policies: Vec<_> = conditions.iter().map(|made| Asked::of(made)).collect();
        for made in &calls {
            let call = call(&mut Choices::new(made));
            let identity = set.identity(&call);
            let Some(entities) = set.entities(&identity) else { continue };
            set.question(&call, &identity, |question| {
                let question = question.unwrap();
                let posed = question.in_cedar().unwrap();
                let (request, graph): (&Request, &Graph) =
                    (posed.request().as_ref(), entities.as_ref());
                let cedar = Evaluator::new(request.clone(), graph, Extensions::all_available());
                for asked in &policies {
                    let cedars = cedar.evaluate(&asked.policy).ok();
                    let (ours, direct) = answer(&question.env(), asked, cedars);
                    prop_assert_eq!(
                        ours,
                        cedars,
                        "{} on {:#?}\n{:#}",
                        asked.text,
                        call,
                        set.document
                    );
                    count(&mut tally.borrow_mut(), asked, cedars, direct);
                }
                Ok(())
            })?;
        }
        Ok(())
    });
    if let Err(TestError::Fail(why, _) | TestError::Abort(why)) = result {
        panic!("{why}");
    }
    let mut tally = tally.into_inner();
    for form in FORMS {
        let Count { direct, asked, errors } = tally.remove(form).unwrap_or_default();
        let [least_direct, least_asked] = [direct, asked].map(|[not, holds]| not.min(holds));
        let often = least_direct >= 20 && least_asked >= 40 && errors >= 40;
        assert!(often, "`{form}`: {direct:?} without Cedar, {asked:?} with it, {errors} errors");
    }
}

/// A policy with the condition, and the forms that the condition contains.
struct Asked {
    text: String,
    forms: Vec<&'static str>,
    policy: Policy,
    compiled: [Arc<CompiledPolicy>; 1],
}

impl Asked {
    fn of(made: &[u32]) -> Self {
        let choices = &mut Choices::new(made);
        let careful = choices.once_in(2);
        let text = condition(choices, careful, 2);
        let source = format!("permit (principal, action, resource) when {{ {text} }};");
        let policy = cedar_policy::Policy::parse(Some(PolicyId::new("p")), &source);
        let policy = policy.unwrap_or_else(|error| panic!("{source}: {error:?}"));
        let policy: &Policy = policy.as_ref();
        let forms = FORMS.iter().copied().filter(|form| text.contains(form)).collect();
        let compiled = [Arc::new(CompiledPolicy::of(policy))];
        Self { forms, compiled, policy: policy.clone(), text }
    }
}

/// The result of a condition, `None` if its evaluation fails, and whether it was evaluated
/// natively. Cedar's result is given for the fallback.
fn answer(env: &Env<'_>, asked: &Asked, cedars: Option<bool>) -> (Option<bool>, bool) {
    let direct = Cell::new(true);
    let response = authorize(&asked.compiled, env, |_| {
        direct.set(false);
        cedars
    });
    let ours = response.errors.is_empty().then_some(!response.permits.is_empty());
    (ours, direct.get())
}

fn count(
    tally: &mut BTreeMap<&'static str, Count>,
    asked: &Asked,
    cedars: Option<bool>,
    direct: bool,
) {
    for form in &asked.forms {
        let count = tally.entry(form).or_default();
        match cedars {
            None => count.errors += 1,
            Some(holds) if direct => count.direct[usize::from(holds)] += 1,
            Some(holds) => count.asked[usize::from(holds)] += 1,
        }
    }
}
