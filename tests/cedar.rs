//! Compares decisions with those of Cedar's own authorizer, which evaluates every policy of a set.

mod calls;
mod choices;
mod conditions;
#[cfg(not(feature = "cedar-only"))]
mod direct;
mod inexact;
mod listing;
mod policies;
#[cfg(not(feature = "cedar-only"))]
mod templates;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, Policy, PolicyId, PolicySet, Request,
    Response,
};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use serde_json::{Value, json};
use toolgate::bundle::{self, Bundle, Document};
use toolgate::decide::{Denial, Permit, Question, decide};
use toolgate::identity::{Identity, identify};
use toolgate::reason::Reason;

use calls::{Call, call};
use choices::{Choices, choices};
use policies::policy;

/// Cedar alone is slow; a part of the sets is enough to show that its input is correct.
const PART: u32 = if cfg!(feature = "cedar-only") { 24 } else { 1 };

/// Number of policy sets, and the maximum number of policies and calls of each.
const SETS: u32 = 480 / PART;
const POLICIES: u32 = 30;
const CALLS: u32 = 420;

/// The reason, the policies and the layer.
type Answer = (Reason, Vec<String>, Option<String>);

/// Choices for entities, policies and calls.
type Case = (Vec<u32>, Vec<Vec<u32>>, Vec<Vec<u32>>);

#[test]
fn answers_are_those_of_the_whole_set() {
    let tally = check(true);
    for reason in [Reason::Permitted, Reason::NotPermitted, Reason::Forbidden] {
        assert!(tally[reason.as_str()] > 10_000 / PART, "{tally:?}");
    }
}

#[test]
fn answers_are_those_of_the_whole_set_where_policies_err() {
    let tally = check(false);
    let reasons = [Reason::Permitted, Reason::NotPermitted, Reason::Forbidden, Reason::PolicyError];
    for reason in reasons {
        assert!(tally[reason.as_str()] > 1_000 / PART, "{tally:?}");
    }
}

/// Decides calls with generated policy sets, and counts the reasons.
fn check(careful: bool) -> BTreeMap<&'static str, u32> {
    let tally = RefCell::new(BTreeMap::new());
    for_each_call([SETS, POLICIES, CALLS], careful, |set, call| {
        let (ours, cedars) = set.answers(call);
        prop_assert_eq!(&ours, &cedars, "{:#?}\n{:#}", call, set.document);
        *tally.borrow_mut().entry(ours[0].0.as_str()).or_default() += 1;
        Ok(())
    });
    tally.into_inner()
}

/// Checks calls with so many generated policy sets, and at most so many policies and calls of each.
fn for_each_call(
    [sets, policies, calls]: [u32; 3],
    careful: bool,
    check: impl Fn(&Set, &Call) -> Result<(), TestCaseError>,
) {
    let config =
        ProptestConfig { cases: sets, failure_persistence: None, ..ProptestConfig::default() };
    let several = |size, most: u32| {
        proptest::collection::vec(choices(size), 1..=usize::try_from(most).unwrap())
    };
    let cases = (choices(600), several(120, policies), several(100, calls));
    // How many calls of a few sets are permitted is chance, so these sets are always the same.
    let mut runner = match PART {
        1 => TestRunner::new(config),
        _ => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let result = runner.run(&cases, |(entities, policies, calls): Case| {
        let set = Set::new(&entities, &policies, careful);
        calls.iter().try_for_each(|made| check(&set, &call(&mut Choices::new(made))))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, _) | TestError::Abort(why)) => panic!("{why}"),
    }
}

/// A bundle, and its layers as Cedar parses them: the enforced policies and all of them.
struct Set {
    document: Value,
    bundle: Bundle,
    entities: Entities,
    layers: Vec<(String, PolicySet, PolicySet)>,
}

impl Set {
    fn new(entities: &[u32], policies: &[Vec<u32>], careful: bool) -> Self {
        let mut sources: BTreeMap<String, Value> = [("org".to_owned(), json!([]))].into();
        for (index, made) in policies.iter().enumerate() {
            let mut choices = Choices::new(made);
            let layer = if choices.once_in(8) { "agent/a0" } else { "org" };
            let source =
                json!({ "id": format!("p{index}"), "source": policy(&mut choices, careful) });
            let layer = sources.entry(layer.to_owned()).or_insert(json!([]));
            layer.as_array_mut().unwrap().push(source);
        }
        // The `org` layer comes first.
        let layers = sources.iter().rev().map(|(name, sources)| {
            let policies: Vec<Policy> = sources.as_array().unwrap().iter().map(read).collect();
            let in_force =
                policies.iter().filter(|policy| policy.annotation("mode") != Some("shadow"));
            let set = |policies: Vec<Policy>| PolicySet::from_policies(policies).unwrap();
            (name.clone(), set(in_force.cloned().collect()), set(policies.clone()))
        });
        let layers = layers.collect();
        let document = world::document(&mut Choices::new(entities), &sources);
        let (bundle, entities) = open(&document);
        Self { document, bundle, entities, layers }
    }

    fn identity(&self, call: &Call) -> Identity {
        identify(&self.bundle.identity, &call.attested).unwrap()
    }

    /// Builds the Cedar request of a call and passes it to `with`.
    fn question<R>(
        &self,
        call: &Call,
        identity: &Identity,
        with: impl FnOnce(Result<Question<'_>, Denial>) -> R,
    ) -> R {
        let tool = self.bundle.tool("fs", call.tool).unwrap();
        let arguments =
            toolgate::json::read_body(call.arguments.as_bytes(), 8, usize::MAX).unwrap();
        with(Question::new(&self.bundle, tool, arguments.as_object(), identity, &call.facts))
    }

    /// The decisions of the gate, without and with shadow policies enforced, and the same of Cedar.
    fn answers(&self, call: &Call) -> ([Answer; 2], [Answer; 2]) {
        let identity = self.identity(call);
        let Some(entities) = self.entities(&identity) else {
            let denial =
                self.question(call, &identity, |question| question.map(|_| ()).unwrap_err());
            let internal = (Reason::Internal, Vec::new(), None);
            return ([answer(&Err(denial)), internal.clone()], [internal.clone(), internal]);
        };
        self.question(call, &identity, |question| {
            let question = question.unwrap();
            let posed = question.in_cedar().unwrap();
            (self.ours(&identity, &question), self.cedars(&identity, posed.request(), &entities))
        })
    }

    fn ours(&self, identity: &Identity, question: &Question<'_>) -> [Answer; 2] {
        let verdict = decide(&self.bundle, identity, question);
        let outcome = answer(&verdict.outcome);
        let staged = verdict.staged.as_ref().map_or_else(|| outcome.clone(), answer);
        [outcome, staged]
    }

    fn cedars(&self, identity: &Identity, request: &Request, entities: &Entities) -> [Answer; 2] {
        let acts = |layer: &str| {
            let chain = identity.actor.iter().flat_map(|actor| &actor.chain);
            layer == "org" || chain.into_iter().any(|agent| layer == format!("agent/{agent}"))
        };
        let layers = || self.layers.iter().filter(|(name, ..)| acts(name));
        let in_force = layers().map(|(name, in_force, _)| (name.as_str(), in_force));
        let outcome = answer_of_all(in_force, request, entities);
        if self.bundle.staged.is_none() {
            return [outcome.clone(), outcome];
        }
        let all = layers().map(|(name, _, all)| (name.as_str(), all));
        [outcome, answer_of_all(all, request, entities)]
    }

    /// All entities and the principal; `None` if the principal would be its own ancestor.
    fn entities(&self, identity: &Identity) -> Option<Entities> {
        let (entities, principal) = (self.entities.clone(), &identity.principal.entity);
        if entities.get(&principal.uid()).is_some() {
            return Some(entities);
        }
        entities.add_entities([principal.clone()], None).ok()
    }
}

/// Opens a document as if it had been built, although its policies would not be accepted, and
/// returns its entities.
fn open(document: &Value) -> (Bundle, Entities) {
    let mut document: Document = serde_json::from_value(document.clone()).unwrap();
    let layers = std::mem::take(&mut document.layers);
    let harmless = json!({ "org": [{
        "id": "harmless", "source": "@id(\"harmless\") permit (principal, action, resource);"
    }] });
    document.layers = serde_json::from_value(harmless).unwrap();
    let loaded = bundle::load(&document).unwrap_or_else(|findings| panic!("{findings:#?}"));
    let document = Document { layers, resolved: Some(loaded.resolved), ..document };
    let digest = document.digest();
    let bundle = bundle::open(document, digest).unwrap_or_else(|findings| panic!("{findings:#?}"));
    (bundle, loaded.bundle.entities().clone())
}

fn read(source: &Value) -> Policy {
    let [id, text] = ["id", "source"].map(|member| source[member].as_str().unwrap());
    Policy::parse(Some(PolicyId::new(id)), text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn answer(outcome: &Result<Permit, Denial>) -> Answer {
    let layer = |layer: Option<&bundle::LayerName>| layer.map(ToString::to_string);
    match outcome {
        Ok(permit) => (permit.reason(), permit.policies().to_vec(), layer(permit.layer())),
        Err(denial) => (denial.reason, denial.policies.clone(), layer(denial.layer.as_ref())),
    }
}

/// Evaluates every policy of every layer.
fn answer_of_all<'a>(
    layers: impl Iterator<Item = (&'a str, &'a PolicySet)>,
    request: &Request,
    entities: &Entities,
) -> Answer {
    let (mut permitting, mut last) = (Vec::new(), None);
    for (name, policies) in layers {
        let response = Authorizer::new().is_authorized(request, policies, entities);
        let (determining, failed) = (ids(response.diagnostics().reason()), failed(&response));
        let reason = match response.decision() {
            _ if !failed.is_empty() => Reason::PolicyError,
            Decision::Deny if determining.is_empty() => Reason::NotPermitted,
            Decision::Deny => Reason::Forbidden,
            Decision::Allow => {
                permitting.extend(determining);
                last = Some(name.to_owned());
                continue;
            }
        };
        let policies = if failed.is_empty() { determining } else { failed };
        return (reason, policies, Some(name.to_owned()));
    }
    permitting.sort_unstable();
    (Reason::Permitted, permitting, last)
}

/// The policies whose evaluation fails.
fn failed(response: &Response) -> Vec<String> {
    ids(response.diagnostics().errors().map(|error| match error {
        AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
    }))
}

fn ids<'a>(policies: impl Iterator<Item = &'a PolicyId>) -> Vec<String> {
    let mut ids: Vec<String> = policies.map(ToString::to_string).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
