//! Templates: no bundle has any, but the index finds their links like any policy.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Entities, EntityUid, PolicyId, PolicySet, Request, SlotId, Template,
};
use cedar_policy_core::ast::{EntityUIDEntry, Request as Asked};
use cedar_policy_core::entities::{Dereference, Entities as Graph};
use proptest::prelude::*;
use toolgate::decide::Question;
use toolgate::policy::{
    CompiledPolicy, Fallback, Index, Key, RequestKeys, Response, ScopeKeys, authorize,
};

use super::calls::call;
use super::choices::{Choices, choices};
use super::world::{DOCS, FOLDERS, ROLES, TEAMS, USERS, uid};
use super::{Set, failed, ids};

const PRINCIPALS: [&str; 5] = [
    "principal",
    "principal == ?principal",
    "principal in ?principal",
    "principal is User in ?principal",
    "principal is Service in ?principal",
];
const RESOURCES: [&str; 4] = [
    "resource",
    "resource == ?resource",
    "resource in ?resource",
    "resource is Folder in ?resource",
];
const ACTIONS: [&str; 3] = [
    "action",
    "action == Action::\"fs/read\"",
    "action in [Action::\"class:read\", Action::\"fs/ping\"]",
];
const CONDITIONS: [&str; 4] = [
    "",
    "when { resource has owner && resource.owner == principal }",
    "unless { context.input.n > 4 }",
    "when { principal.level > 2 }",
];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn linked_templates_are_found(
        entities in choices(600),
        links in proptest::collection::vec(choices(8), 1..20),
        calls in proptest::collection::vec(choices(100), 1..80),
    ) {
        let set = Set::new(&entities, &[Vec::new()], true);
        let policies = linked(&links);
        let (index, compiled) = indexed(&policies);
        for made in &calls {
            let call = call(&mut Choices::new(made));
            let identity = set.identity(&call);
            let Some(entities) = set.entities(&identity) else { continue };
            let (ours, cedars) = set.question(&call, &identity, |question| {
                let question = question.unwrap();
                let posed = question.in_cedar().unwrap();
                let request = posed.request();
                let found = index.candidates(&keys(request, &entities)).into_iter();
                let found: Vec<_> = found.map(|at| Arc::clone(&compiled[at as usize])).collect();
                (ours(&found, &question, request, &entities), cedars(&policies, request, &entities))
            });
            prop_assert_eq!(ours, cedars);
        }
    }
}

/// A policy linked from a template for each of these.
fn linked(links: &[Vec<u32>]) -> PolicySet {
    let mut policies = PolicySet::new();
    for (index, made) in links.iter().enumerate() {
        let mut choices = Choices::new(made);
        let effect = if choices.once_in(4) { "forbid" } else { "permit" };
        let [principal, action, resource, condition] =
            [&PRINCIPALS[..], &ACTIONS, &RESOURCES, &CONDITIONS].map(|all| choices.of(all));
        let text = format!("{effect} ({principal}, {action}, {resource}) {condition};");
        let id = |kind: &str| PolicyId::new(format!("{kind}{index}"));
        let mut slots = HashMap::new();
        if principal.contains('?') {
            slots.insert(SlotId::principal(), somebody(&mut choices));
        }
        if resource.contains('?') {
            slots.insert(SlotId::resource(), something(&mut choices));
        }
        if slots.is_empty() {
            let policy = cedar_policy::Policy::parse(Some(id("link")), text).unwrap();
            policies.add(policy).unwrap();
        } else {
            policies.add_template(Template::parse(Some(id("template")), text).unwrap()).unwrap();
            policies.link(id("template"), id("link"), slots).unwrap();
        }
    }
    policies
}

fn somebody(choices: &mut Choices<'_>) -> EntityUid {
    let (of, ids) = choices.of(&[("User", &USERS[..]), ("Role", &ROLES), ("Team", &TEAMS)]);
    uid(of, choices.of(ids)).parse().unwrap()
}

fn something(choices: &mut Choices<'_>) -> EntityUid {
    let (of, ids) = choices.of(&[("Lib::Doc", &DOCS[..]), ("Folder", &FOLDERS), ("User", &USERS)]);
    uid(of, choices.of(ids)).parse().unwrap()
}

fn indexed(policies: &PolicySet) -> (Index, Vec<Arc<CompiledPolicy>>) {
    let mut index = Index::default();
    let mut compiled = Vec::new();
    for (position, policy) in (0..).zip(policies.policies()) {
        index.insert(&ScopeKeys::of(policy.as_ref()), position);
        compiled.push(Arc::new(CompiledPolicy::of(policy.as_ref())));
    }
    (index, compiled)
}

fn keys(request: &Request, entities: &Entities) -> RequestKeys<'static> {
    let (asked, graph): (&Asked, &Graph) = (request.as_ref(), entities.as_ref());
    let of = |entry: &EntityUIDEntry| {
        let uid = entry.uid().unwrap();
        let mut keys = vec![Key::entity(uid), Key::entity_type(uid.entity_type())];
        if let Dereference::Data(entity) = graph.entity(uid) {
            keys.extend(entity.ancestors().map(Key::entity));
        }
        Cow::from(keys)
    };
    RequestKeys {
        principal: of(asked.principal()),
        action: of(asked.action()),
        resource: Some(of(asked.resource())),
    }
}

type Said = [Vec<String>; 2];

/// The determining policies, and those whose evaluation fails.
fn ours(
    policies: &[Arc<CompiledPolicy>],
    question: &Question<'_>,
    request: &Request,
    entities: &Entities,
) -> Said {
    let (asked, graph): (&Asked, &Graph) = (request.as_ref(), entities.as_ref());
    let fallback = Fallback::new(|| Some((asked.clone(), graph.clone())));
    let response = authorize(policies, &question.env(), |policy| fallback.matches(policy));
    let Response { permits, forbids, errors } = response;
    let determining = if forbids.is_empty() { permits } else { forbids };
    [determining, errors].map(|policies| policies.iter().map(|policy| policy.id.clone()).collect())
}

fn cedars(policies: &PolicySet, request: &Request, entities: &Entities) -> Said {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    [ids(response.diagnostics().reason()), failed(&response)]
}
