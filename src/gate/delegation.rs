//! `context.delegation`: the agents of a call, and what all of them have in common.

use std::collections::BTreeSet;

use cedar_policy_core::ast::EntityUID;

use crate::bundle::Bundle;
use crate::identity::Actor;
use crate::policy::EntityStore;
use crate::policy::value::{self, Value};

/// The value of `context.delegation`. What is said of all agents shrinks with every agent, so that
/// a permit that asks for it cannot be had by adding one. Without an actor, nothing is said.
pub(super) fn delegation(bundle: &Bundle, actor: Option<&Actor>) -> Value {
    let (depth, profiles) = actor.map_or((0, &[][..]), |it| (it.chain.len(), &it.profiles));
    let agents = actor.into_iter().flat_map(|actor| &actor.agents);
    let agents: Vec<EntityUID> = agents.map(|uid| uid.clone().into()).collect();
    let store = bundle.entity_store();
    let all_known = !agents.is_empty() && agents.iter().all(|agent| store.contains(agent));
    let all_profiles = common(profiles.iter().cloned());
    let actor_profiles = profiles.first().into_iter().flatten();
    let mut members = vec![
        ("depth", Value::from(i64::try_from(depth).unwrap_or(i64::MAX))),
        ("all_known", Value::from(all_known)),
        ("all_profiles", value::set(all_profiles.iter().map(|word| Value::from(word.as_str())))),
        ("actor_profiles", value::set(actor_profiles.map(|word| Value::from(word.as_str())))),
    ];
    if let Some(class_type) = &bundle.identity.actor.class_type {
        let class_type = class_type.as_cedar().as_ref();
        let classes = agents.iter().map(|agent| {
            let is_class = |uid: &&EntityUID| uid.entity_type() == class_type;
            let of_agent = |store: &EntityStore| {
                Some(store.ancestors(agent)?.filter(is_class).cloned().collect())
            };
            of_agent(store).unwrap_or_default()
        });
        members.push(("all_in", value::set(common(classes).into_iter().map(Value::from))));
    }
    members.push(("agents", value::set(agents.into_iter().map(Value::from))));
    value::record(members)
}

/// What is in all of these sets.
fn common<T: Ord>(sets: impl Iterator<Item = BTreeSet<T>>) -> BTreeSet<T> {
    sets.reduce(|mut all, next| {
        all.retain(|each| next.contains(each));
        all
    })
    .unwrap_or_default()
}
