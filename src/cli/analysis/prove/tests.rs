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
use crate::bundle::{self, Document, LayerName, PolicySource};
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

/// Policies about the labels of every tool, which read the action in every way.
const REVEAL: &[(&str, &str)] = &[
    (
        "a-1",
        r#"permit (principal, action in Action::"reveal:a", resource) when { context.delegation.depth > 1 };"#,
    ),
    (
        "a-2",
        r#"forbid (principal, action in Action::"reveal:a", resource) when { [action].contains(action) && context.request.path like "*mail*" };"#,
    ),
    ("b-1", r#"permit (principal, action, resource) when { action in Action::"reveal:b" };"#),
    (
        "b-2",
        r#"forbid (principal, action, resource) when { action in [Action::"reveal:b"] && context.request.path like "*crm*" };"#,
    ),
];

/// The bundle with labels on the results of all tools.
fn labelled(mut document: Document) -> Document {
    for (server, notes) in &mut document.manifest.servers {
        for tool in &document.tools[server] {
            let marks = notes.tools.entry(tool.name().to_owned()).or_default();
            for label in ["a", "b", "c"] {
                marks.labels.insert(label.to_owned(), vec![label.to_owned()]);
            }
        }
    }
    let org = document.layers.get_mut(&LayerName::Org).unwrap();
    for (id, source) in REVEAL {
        org.push(PolicySource { id, source: &format!("@id(\"{id}\") {source}") });
    }
    Document { resolved: None, ..document }
}

/// Returns the number of compared requests, and whether each of their labels is shown.
fn compare(name: &str, change: fn(Document) -> Document) -> (usize, Vec<bool>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let document = change(directory::open(&directory).unwrap().document);
    let loaded = bundle::load(&document).unwrap();
    let suite = Suite::read(&directory::tests(&directory).unwrap(), &[]).unwrap();
    let gate = Gate::new(loaded.bundle, String::new());
    let mut labels = Vec::new();
    let mut compared = Vec::new();
    for (file, case, place) in suite.cases() {
        let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
        let (arrival, body) = case.arrival(identity, &gate.bundle);
        let (outcome, trace) = run::in_pieces(&gate, &arrival, &body, &Store::default()).unwrap();
        let [record] = outcome.records.as_slice() else { continue };
        let Some(PosedCall { question, inner: None, identity, .. }) = trace.of(record) else {
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
        for label in tool.labels() {
            let formula = Formula::of_label(&gate.bundle, tool, label, &env).unwrap();
            let permits = query::policies(&BTreeSet::new(), &formula.permits).unwrap();
            let is_shown = permitted && !record.masked.iter().any(|name| **name == *label.name);
            let shows = holds(&permits, &alone, &principal);
            assert_eq!(shows, is_shown, "{place}: {}: {}", label.name, formula.permits);
            labels.push(is_shown);
        }
        compared.push(place);
    }
    (compared.len(), labels)
}

fn always() -> cedar_policy_core::ast::Expr {
    cedar_policy_core::ast::Expr::val(true)
}

#[test]
fn conditions_permit_what_bundles_permit_and_facts_hold() {
    for bundle in BUNDLES {
        let (compared, _) = compare(bundle, |document| document);
        assert!(compared > 0, "{bundle} has no case that policies decide");
    }
}

#[test]
fn conditions_show_what_bundles_show() {
    for bundle in ["policies/acme", "tests/cases/bundles/mesh"] {
        let (_, labels) = compare(bundle, labelled);
        assert!(labels.contains(&true) && labels.contains(&false), "{bundle}");
    }
}
