//! Templates, which no bundle has, and whose links the index finds as it finds any policy.

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
use toolgate::policy::{Answer, Cedar, Index, Key, Keys, Rule, Scope};

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
        let (index, rules) = indexed(&policies);
        for made in &calls {
            let call = call(&mut Choices::new(made));
            let identity = set.identity(&call);
            let Some(entities) = set.entities(&identity) else { continue };
            let (ours, cedars) = set.question(&call, &identity, |question| {
                let question = question.unwrap();
                let posed = question.in_cedar().unwrap();
                let request = posed.request();
                let found = index.candidates(&keys(request, &entities)).into_iter();
                let found: Vec<Arc<Rule>> = found.map(|at| Arc::clone(&rules[at as usize])).collect();
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

fn indexed(policies: &PolicySet) -> (Index, Vec<Arc<Rule>>) {
    let mut index = Index::default();
    let mut rules = Vec::new();
    for (position, policy) in (0..).zip(policies.policies()) {
        index.insert(&Scope::of(policy.as_ref()), position);
        rules.push(Arc::new(Rule::of(policy.as_ref())));
    }
    (index, rules)
}

fn keys(request: &Request, entities: &Entities) -> Keys<'static> {
    let (asked, graph): (&Asked, &Graph) = (request.as_ref(), entities.as_ref());
    let of = |entry: &EntityUIDEntry| {
        let uid = entry.uid().unwrap();
        let mut keys = vec![Key::entity(uid), Key::entity_type(uid.entity_type())];
        if let Dereference::Data(entity) = graph.entity(uid) {
            keys.extend(entity.ancestors().map(Key::entity));
        }
        Cow::from(keys)
    };
    Keys {
        principal: of(asked.principal()),
        action: of(asked.action()),
        resource: of(asked.resource()),
    }
}

type Said = [Vec<String>; 2];

/// The policies that determine the decision, and those that err.
fn ours(
    rules: &[Arc<Rule>],
    question: &Question<'_>,
    request: &Request,
    entities: &Entities,
) -> Said {
    let (asked, graph): (&Asked, &Graph) = (request.as_ref(), entities.as_ref());
    let cedar = Cedar::new(|| Some((asked.clone(), graph.clone())));
    let answer = Answer::of(rules, &question.scene(), |rule| cedar.tells(rule));
    let Answer { permits, forbids, errors } = answer;
    let determining = if forbids.is_empty() { permits } else { forbids };
    [determining, errors].map(|rules| rules.iter().map(|rule| rule.id.clone()).collect())
}

fn cedars(policies: &PolicySet, request: &Request, entities: &Entities) -> Said {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    [ids(response.diagnostics().reason()), failed(&response)]
}
