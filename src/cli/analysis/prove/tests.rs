//! Compares conditions and facts with the gate's decision on every request of the test corpus.
//! `tests/e2e` tests the solver's results.

use std::collections::BTreeSet;
use std::path::Path;

use cedar_policy::{
    Authorizer, Context, Decision as Answer, Entities, EntityUid, PolicySet, Request, RequestEnv,
    RestrictedExpression as Expression,
};

use super::formula::Formula;
use super::syntax::UNSEEN;
use super::{facts, query};
use crate::cli::analysis::run;
use crate::cli::analysis::trace::PosedCall;
use crate::cli::input::cases::Suite;
use crate::cli::input::directory;
use crate::decide::CedarRequest;
use crate::gate::Gate;
use crate::identity::Identity;
use crate::memory::Store;
use crate::reason::Decision;

const BUNDLES: [&str; 9] = [
    "policies/acme",
    "tests/cases/bundles/freeform",
    "tests/cases/bundles/library",
    "tests/cases/bundles/mesh",
    "tests/cases/bundles/names",
    "tests/cases/bundles/owners",
    "tests/cases/bundles/providers",
    "tests/cases/bundles/shapes",
    "tests/cases/bundles/veil",
];

/// The same request for a condition on the request alone: only the principal exists, with the
/// parents that its token names.
fn alone(question: &CedarRequest, identity: &Identity) -> (Request, Entities) {
    let request = question.request();
    let context = request.context().unwrap().clone();
    let teams = identity.principal.teams.iter().cloned().map(Expression::new_string);
    let mut unseen = vec![("teams".to_owned(), Expression::new_set(teams))];
    let tenant = identity.principal.tenant.clone();
    unseen.extend(tenant.map(|tenant| ("tenant".to_owned(), Expression::new_string(tenant))));
    let unseen = (UNSEEN.to_owned(), Expression::new_record(unseen).unwrap());
    let context = Context::from_pairs(context.into_iter().chain([unseen])).unwrap();
    let part = |uid: Option<&EntityUid>| uid.unwrap().clone();
    let (principal, action) = (part(request.principal()), part(request.action()));
    let request = Request::new(principal, action, part(request.resource()), context, None);
    let principal = identity.principal.entity.clone();
    (request.unwrap(), Entities::from_entities([principal], None).unwrap())
}

fn holds(policies: &PolicySet, request: &Request, entities: &Entities) -> bool {
    Authorizer::new().is_authorized(request, policies, entities).decision() == Answer::Allow
}

/// Returns the number of compared requests.
fn compare(name: &str) -> usize {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let loaded = directory::open(&directory).unwrap().loaded;
    let suite = Suite::read(&directory::tests(&directory).unwrap(), &[]).unwrap();
    let gate = Gate::new(loaded.bundle, String::new());
    let mut compared = Vec::new();
    for (file, case, place) in suite.cases() {
        let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
        let (arrival, body) = case.arrival(identity, &gate.bundle);
        let (outcome, trace) = run::in_pieces(&gate, &arrival, &body, &Store::default()).unwrap();
        let [record] = outcome.records.as_slice() else { continue };
        let Some(PosedCall { question, inner: None, identity }) = trace.of(record) else {
            continue;
        };
        // Formulas do not describe refusals for other reasons than policies.
        if !matches!(
            outcome.reason.as_str(),
            "permitted" | "forbidden" | "not_permitted" | "policy_error"
        ) {
            continue;
        }
        let request = question.request();
        let types = |uid: Option<&EntityUid>| uid.unwrap().type_name().clone();
        let action = request.action().unwrap().clone();
        let tool =
            gate.bundle.actions().find(|tool| tool.qualified_name() == action.id().unescaped());
        let tool = tool.unwrap();
        let env = RequestEnv::new(types(request.principal()), action, types(request.resource()));
        let formula = Formula::of(&gate.bundle, tool, &env).unwrap();
        let (alone, principal) = alone(question, identity);
        let permits = query::policies(&BTreeSet::new(), &formula.permits).unwrap();
        let permitted = holds(&permits, &alone, &principal);
        assert_eq!(permitted, outcome.decision == Decision::Permit, "{place}: {}", formula.permits);
        let facts = facts::of(&gate, tool, &env, [&formula, &Formula::nothing()]);
        for fact in facts.difference(&formula.facts) {
            let policies = query::policies(&BTreeSet::from([fact.clone()]), &always());
            assert!(holds(&policies.unwrap(), &alone, &principal), "{place}: {fact}");
        }
        compared.push(place);
    }
    compared.len()
}

fn always() -> cedar_policy_core::ast::Expr {
    cedar_policy_core::ast::Expr::val(true)
}

#[test]
fn conditions_permit_what_bundles_permit_and_facts_hold() {
    for bundle in BUNDLES {
        assert!(compare(bundle) > 0, "{bundle} has no case that policies decide");
    }
}
