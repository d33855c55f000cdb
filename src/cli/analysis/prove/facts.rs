//! Assumptions of the proof: what holds for every request that reaches policy evaluation.

use std::collections::BTreeSet;

use cedar_policy::RequestEnv;
use cedar_policy_core::validator::ValidatorSchema;

use super::formula::Formula;
use super::syntax::{UNSEEN, quoted};
use crate::bundle::Bundle;
use crate::gate::Gate;
use crate::identity::{ClaimPath, ClaimType, Form, IdentityMapping, PrincipalMapping};
use crate::tool::{PATTERN, SERVER, Tool};

/// The largest integer that a claim can hold.
const EXACT: i64 = 9_007_199_254_740_991;

/// What holds for the calls of a tool that a bundle evaluates. `formulas` are the ones to be
/// compared: anything that they do not mention needs no assumption.
pub(super) fn of(
    gate: &Gate,
    tool: &Tool,
    env: &RequestEnv,
    formulas: [&Formula; 2],
) -> BTreeSet<String> {
    let bundle = &gate.bundle;
    let mapping = &bundle.identity;
    let mut facts: BTreeSet<String> = tool.conditions().into_iter().collect();
    facts.extend(formulas.iter().flat_map(|formula| formula.facts.iter().cloned()));
    facts.extend(request(bundle, tool));
    facts.insert(format!("context.request.environment == {}", quoted(&gate.environment)));
    facts.extend(resource(bundle, tool, env, formulas));
    facts.extend(delegation(mapping));
    facts.insert(format!("principal != {}::\"\"", env.principal()));
    let principals = principals(mapping, env);
    let by_token = !principals.is_empty();
    facts.extend(token(mapping, by_token));
    if by_token {
        let of_each = principals.into_iter().map(|each| {
            let mut facts = principal(bundle, each, env);
            facts.extend(unseen(each, formulas));
            facts.extend(issuer(mapping, each));
            facts
        });
        facts.extend(one_of(of_each.collect()));
    } else {
        facts.extend(workload(mapping, env));
    }
    facts
}

/// The mappings that give principals of this type.
fn principals<'a>(mapping: &'a IdentityMapping, env: &RequestEnv) -> Vec<&'a PrincipalMapping> {
    let principals = mapping.principal.iter();
    principals.filter(|each| each.entity_type.as_cedar() == env.principal()).collect()
}

/// What holds if all facts of one of the mappings hold.
fn one_of(mut mappings: Vec<Vec<String>>) -> Vec<String> {
    if mappings.len() == 1 {
        return mappings.pop().unwrap_or_default();
    }
    if mappings.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let all = |facts: &Vec<String>| format!("(({}))", facts.join(") && ("));
    vec![mappings.iter().map(all).collect::<Vec<_>>().join(" || ")]
}

/// What holds for calls that are easy to read, the simplest first. Other calls may violate it.
pub(super) fn plain(env: &RequestEnv, bundle: &Bundle) -> [BTreeSet<String>; 2] {
    let mut facts = vec![
        "context.request.time == datetime(\"2026-01-01T12:00:00Z\")",
        "!(context.request has trace_id)",
        "!(context.request has source_ip)",
    ];
    let mapping = &bundle.identity;
    if !principals(mapping, env).is_empty() {
        let token = [
            "context.token.scopes.isEmpty()",
            "!(context.token has issuer || context.token has txn || context.token has expires)",
        ];
        // If the token is optional, Cedar requires a `has` test first.
        facts.extend(token.into_iter().filter(|_| mapping.workload.is_none()));
    }
    let plain: BTreeSet<String> = facts.into_iter().map(str::to_owned).collect();
    let mut direct = plain.clone();
    direct.insert("context.delegation.depth <= 1".to_owned());
    [direct, plain]
}

fn request(bundle: &Bundle, tool: &Tool) -> Vec<String> {
    let channels = bundle.channels_to(tool.server());
    let paths: Vec<String> = channels.map(|channel| quoted(&channel.path)).collect();
    vec![
        "context.request.method == \"POST\"".to_owned(),
        // Without a channel there is no request.
        if paths.is_empty() {
            "false".to_owned()
        } else {
            format!("[{}].contains(context.request.path)", paths.join(", "))
        },
        "context.request.time >= datetime(\"1970-01-01\")".to_owned(),
        "context.request.time < datetime(\"9999-12-31\")".to_owned(),
    ]
}

/// The resource is the server, or named by an argument. Only ids in the formulas need to be
/// distinguished.
fn resource(
    bundle: &Bundle,
    tool: &Tool,
    env: &RequestEnv,
    formulas: [&Formula; 2],
) -> Vec<String> {
    if env.resource().to_string() == PATTERN {
        return vec![pattern(tool)];
    }
    if tool.marks().resource.is_none() {
        return vec![format!("resource == {SERVER}::{}", quoted(tool.server()))];
    }
    let stored = bundle.entities().iter().map(cedar_policy::Entity::uid);
    let stored = stored.filter(|uid| uid.type_name() == env.resource());
    let mut ids: BTreeSet<String> = stored.map(|uid| uid.id().unescaped().to_owned()).collect();
    ids.extend(formulas.iter().flat_map(|formula| formula.ids(env.resource().as_ref())));
    let facts = ids.iter().filter_map(|id| {
        let (named, is) =
            (tool.names_resource(id)?, format!("resource == {}::{}", env.resource(), quoted(id)));
        Some(format!("if {named} then {is} else !({is})"))
    });
    facts.collect()
}

/// The resource is a pattern that the URI matches. In a host, `like` matches more than the pattern.
fn pattern(tool: &Tool) -> String {
    let each = tool.patterns().iter().map(|pattern| {
        let (entity, uris) = (&pattern.recorded, pattern.uris.as_str());
        format!("(resource == {entity} && context.input.uri like \"{uris}\")")
    });
    each.collect::<Vec<_>>().join(" || ")
}

fn delegation(mapping: &IdentityMapping) -> Vec<String> {
    let agent = &mapping.actor.entity_type;
    let depth = mapping.actor.max_depth;
    let some = format!(
        "context.delegation.agents.contains(context.actor) \
         && context.delegation.depth >= 1 && context.delegation.depth <= {depth} \
         && (context.delegation.depth > 1 || context.delegation.agents == [context.actor]) \
         && !context.delegation.agents.contains({agent}::\"\") \
         && context.delegation.actor_profiles.containsAll(context.delegation.all_profiles)"
    );
    let all_in = mapping.actor.class_type.as_ref();
    let all_in = all_in.map(|_| " && context.delegation.all_in.isEmpty()").unwrap_or_default();
    let none = format!(
        "context.delegation.depth == 0 && context.delegation.agents.isEmpty() \
         && !context.delegation.all_known && context.delegation.all_profiles.isEmpty() \
         && context.delegation.actor_profiles.isEmpty(){all_in}"
    );
    vec![if mapping.actor.required {
        some
    } else {
        format!("if context has actor then {some} else {none}")
    }]
}

fn token(mapping: &IdentityMapping, by_token: bool) -> Vec<String> {
    let optional = mapping.workload.is_some();
    if !by_token {
        return vec!["!(context has token)".to_owned()];
    }
    let guard = if optional { "context has token && " } else { "" };
    vec![format!(
        "{guard}(if context.token has expires \
         then context.token.expires >= datetime(\"1970-01-01\") \
         && context.token.expires <= datetime(\"9999-12-31T23:59:59Z\") else true)"
    )]
}

/// The token is of an issuer that the mapping is for.
fn issuer(mapping: &IdentityMapping, principal: &PrincipalMapping) -> Option<String> {
    let issuers: Vec<String> = principal.issuers.iter().map(|issuer| quoted(issuer)).collect();
    let guard = if mapping.workload.is_some() { "context has token && " } else { "" };
    (!issuers.is_empty()).then(|| {
        format!(
            "{guard}context.token has issuer && [{}].contains(context.token.issuer)",
            issuers.join(", ")
        )
    })
}

/// The principal has exactly the attributes from its token.
fn principal(bundle: &Bundle, mapping: &PrincipalMapping, env: &RequestEnv) -> Vec<String> {
    let schema = bundle.schema().map(AsRef::<ValidatorSchema>::as_ref);
    let principal = env.principal().as_ref();
    let Some(declared) = schema.and_then(|schema| schema.get_entity_type(principal)) else {
        return Vec::new();
    };
    let mut facts = Vec::new();
    for (name, declared) in declared.attributes().iter() {
        let place = format!("principal[{}]", quoted(name));
        let has = format!("principal has {}", quoted(name));
        let Some(mapped) = mapping.attributes.get(name.as_str()) else {
            facts.push(format!("!({has})"));
            continue;
        };
        if !declared.is_required() && !mapped.optional {
            facts.push(has.clone());
        }
        if matches!(mapped.claim_type, ClaimType::Long) {
            let range = format!("{place} >= -{EXACT} && {place} <= {EXACT}");
            let fact = if declared.is_required() {
                range
            } else {
                format!("if {has} then {range} else true")
            };
            facts.push(fact);
        }
    }
    facts
}

/// A workload is the peer, and acts for itself.
fn workload(mapping: &IdentityMapping, env: &RequestEnv) -> Vec<String> {
    let agent = &mapping.actor.entity_type;
    let named = mapping.actor.spiffe.iter().map(|(spiffe, name)| {
        let (spiffe, name) = (quoted(spiffe), quoted(name));
        let actor = if mapping.actor.required { "" } else { "context has actor && " };
        format!(
            "principal != {}::{spiffe} || ({actor}context.actor == {agent}::{name})",
            env.principal()
        )
    });
    let alone = ["context.delegation.depth == 1".to_owned()];
    let unseen =
        [format!("!(context.{UNSEEN} has tenant)"), format!("context.{UNSEEN}.teams.isEmpty()")];
    named.chain(alone).chain(unseen).collect()
}

/// The tenant and teams that select layers, and their relation to the values that policies see.
fn unseen(mapping: &PrincipalMapping, formulas: [&Formula; 2]) -> Vec<String> {
    let tenant = format!("context.{UNSEEN}.tenant");
    let has = format!("context.{UNSEEN} has tenant");
    let teams = format!("context.{UNSEEN}.teams");
    let mut facts = Vec::new();
    if let Some(claim) = &mapping.tenant {
        facts.push(format!("{has} && {tenant} != \"\""));
        let texts = mapping.attributes.iter().filter(|(_, attribute)| {
            attribute.claim == *claim && matches!(attribute.claim_type, ClaimType::String)
        });
        facts.extend(texts.map(|(name, attribute)| {
            let name = quoted(name);
            let guard = if attribute.optional {
                format!("principal has {name} && ")
            } else {
                String::new()
            };
            format!("{has} && {guard}principal[{name}] == {tenant}")
        }));
        let says = |id: &str| format!("{has} && {tenant} == {id}");
        facts.extend(parents(mapping, (claim, Form::List), formulas, says));
    } else {
        facts.push(format!("!({has})"));
    }
    if let Some(mapped) = &mapping.teams {
        facts.push(format!("!{teams}.contains(\"\")"));
        let says = |id: &str| format!("{teams}.contains({id})");
        facts.extend(parents(mapping, (mapped.claim(), mapped.form()), formulas, says));
    } else {
        facts.push(format!("{teams}.isEmpty()"));
    }
    facts
}

/// If the same claim also sets parents of the principal, both have the same values.
fn parents(
    mapping: &PrincipalMapping,
    (claim, form): (&ClaimPath, Form),
    formulas: [&Formula; 2],
    says: impl Fn(&str) -> String,
) -> Vec<String> {
    let same =
        mapping.parents.iter().filter(|parent| parent.claim == *claim && parent.form == form);
    let facts = same.flat_map(|parent| {
        // Another claim may add parents of the same type.
        let type_name = &parent.entity_type;
        let others = mapping
            .parents
            .iter()
            .filter(|other| other.entity_type.as_cedar() == type_name.as_cedar());
        let only = others.count() == 1;
        let ids: BTreeSet<String> = formulas
            .iter()
            .flat_map(|formula| formula.ids(type_name.as_cedar().as_ref()))
            .collect();
        let says = &says;
        ids.into_iter().map(move |id| {
            let id = quoted(&id);
            let (claimed, inside) = (says(&id), format!("principal in {type_name}::{id}"));
            let claims = format!("!({claimed}) || {inside}");
            if only { format!("({claims}) && (!({inside}) || ({claimed}))") } else { claims }
        })
    });
    facts.collect()
}
