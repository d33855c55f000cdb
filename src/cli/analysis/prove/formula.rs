//! Compiles a bundle to one condition that holds for exactly the calls that its policies permit.

use std::collections::BTreeSet;

use cedar_policy::{Effect, RequestEnv};
use cedar_policy_core::ast::{Entity, EntityType, Expr, ExprKind, Literal, Policy, Var};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::RequestEnv as TypedEnv;
use cedar_policy_core::validator::{ValidationMode, ValidatorSchema};

use super::layers::{self, Applied};
use super::lower::{self, Lowering, Typed, World};
use crate::bundle::Bundle;
use crate::identity::TypeName;
use crate::tool::{Label, Tool, UnknownResource};

/// The calls that a bundle permits, or of which it shows a labelled part, as a condition on the request
/// alone.
#[derive(Debug)]
pub(super) struct Formula {
    /// The condition. If its evaluation fails, the bundle refuses the call.
    pub(super) permits: Expr,
    /// The assumptions under which the condition is exact.
    pub(super) facts: BTreeSet<String>,
}

impl Formula {
    /// The formula of a bundle without the tool.
    pub(super) fn nothing() -> Self {
        Self { permits: Expr::val(false), facts: BTreeSet::new() }
    }

    /// The formula of a bundle in a request environment that its schema has.
    pub(super) fn of(bundle: &Bundle, tool: &Tool, env: &RequestEnv) -> Result<Self, String> {
        if bundle.shadow.is_some() {
            return Ok(Self { permits: Expr::val(true), facts: BTreeSet::new() });
        }
        let known = lower::and(layers::known_tenant(bundle), known_resource(bundle, tool));
        let Self { permits, facts } = Self::of_policies(bundle, env)?;
        Ok(Self { permits: lower::and(known, permits), facts })
    }

    /// The calls in a request environment that also reveal a label of their result. In the result, the
    /// label's action does not occur, and its context is that of the call.
    pub(super) fn of_label(
        bundle: &Bundle,
        tool: &Tool,
        label: &Label,
        env: &RequestEnv,
    ) -> Result<Self, String> {
        let Self { permits, mut facts } = Self::of(bundle, tool, env)?;
        if bundle.shadow.is_some() {
            return Ok(Self { permits, facts });
        }
        let (principal, resource) = (env.principal().clone(), env.resource().clone());
        let env = RequestEnv::new(principal, label.action.clone(), resource);
        let revealed = Self::of_policies(bundle, &env)?;
        facts.extend(revealed.facts);
        Ok(Self { permits: lower::and(permits, revealed.permits), facts })
    }

    /// What every layer that applies permits.
    fn of_policies(bundle: &Bundle, env: &RequestEnv) -> Result<Self, String> {
        let principal = env.principal().as_ref();
        let world = World {
            entities: bundle.entities().as_ref(),
            principal,
            action: env.action().as_ref(),
            parents: parents(bundle, principal),
        };
        let schema = bundle.schema().ok_or("its schema was not read")?.as_ref();
        let mut lowering = Lowering::new(&world);
        let mut permits = Expr::val(true);
        for applied in layers::of(bundle) {
            let inside = layer(&applied, schema, env, &mut lowering)?;
            permits = lower::and(permits, lower::or(applied.elsewhere, inside));
        }
        Ok(Self { permits, facts: lowering.facts })
    }

    /// The ids of entities of a type that the condition names.
    pub(super) fn ids(&self, of: &EntityType) -> BTreeSet<String> {
        let literals = self.permits.subexpressions().filter_map(|part| {
            let ExprKind::Lit(Literal::EntityUID(uid)) = part.expr_kind() else { return None };
            Some(uid).filter(|uid| uid.entity_type() == of)
        });
        literals.map(|uid| AsRef::<str>::as_ref(uid.eid()).to_owned()).collect()
    }
}

/// The types of the parents that a token gives a principal; `None` for a workload.
fn parents(bundle: &Bundle, principal: &EntityType) -> Option<BTreeSet<EntityType>> {
    let identity = &bundle.identity;
    let is_of = |name: &TypeName| name.as_cedar().as_ref() == principal;
    identity.principal_types().any(is_of).then(|| {
        let mappings = identity.principal.iter().filter(|each| is_of(&each.entity_type));
        let parents = mappings.flat_map(|each| &each.parents);
        parents.map(|parent| parent.entity_type.as_cedar().as_ref().clone()).collect()
    })
}

/// Whether the bundle has the resource, or need not have it.
fn known_resource(bundle: &Bundle, tool: &Tool) -> Expr {
    let Some(mark) = &tool.marks().resource else { return Expr::val(true) };
    if mark.unknown == UnknownResource::Evaluate {
        return Expr::val(true);
    }
    let entities: &Entities = bundle.entities().as_ref();
    let uids = entities.iter().map(Entity::uid);
    let known = uids.filter(|uid| uid.entity_type() == mark.entity_type.as_cedar().as_ref());
    let known = known.map(|uid| Expr::val(uid.clone())).collect();
    lower::one_of(Expr::var(Var::Resource), known)
}

/// At least one `permit` and no `forbid`. Conditions that can fail are always evaluated, as the
/// gate refuses a call if the evaluation of any policy fails.
fn layer(
    applied: &Applied<'_>,
    schema: &ValidatorSchema,
    env: &RequestEnv,
    lowering: &mut Lowering<'_>,
) -> Result<Expr, String> {
    let mut permits = Vec::new();
    let mut forbids = Vec::new();
    // Sorted, since policy sets are unordered and equal policies must give equal conditions.
    let mut policies: Vec<_> = applied.layer.policies().policies().collect();
    policies.sort_by_key(|policy| policy.id());
    for policy in policies {
        let named = |reason| format!("policy `{}` cannot be analysed: {reason}", policy.id());
        let typed = typed(policy.as_ref(), schema, env).map_err(named)?;
        let condition = lowering.expr(&typed).map_err(named)?;
        if !lower::is(&condition, false) {
            match policy.effect() {
                Effect::Permit => permits.push(condition),
                Effect::Forbid => forbids.push(condition),
            }
        }
    }
    let permits = any(permits);
    if lower::is(&permits, false) {
        return Ok(permits);
    }
    let forbids = any(forbids);
    let none = if lower::is(&forbids, false) { Expr::val(true) } else { Expr::not(forbids) };
    Ok(lower::and(permits, none))
}

fn any(conditions: Vec<Expr>) -> Expr {
    let (risky, safe): (Vec<_>, Vec<_>) = conditions.into_iter().partition(lower::may_fail);
    // Evaluating a set fails if any of its elements fails.
    let risky = (!risky.is_empty()).then(|| Expr::contains(Expr::set(risky), Expr::val(true)));
    risky.into_iter().chain(safe).reduce(lower::or).unwrap_or_else(|| Expr::val(false))
}

/// A policy's condition with its types in one request environment.
fn typed(policy: &Policy, schema: &ValidatorSchema, env: &RequestEnv) -> Result<Typed, String> {
    let context =
        schema.context_type(env.action().as_ref()).ok_or("the schema lacks the action")?;
    let env = TypedEnv::DeclaredAction {
        principal: env.principal().as_ref(),
        action: env.action().as_ref(),
        resource: env.resource().as_ref(),
        context,
        principal_slot: None,
        resource_slot: None,
    };
    let checker = Typechecker::new(schema, ValidationMode::Strict);
    match checker.typecheck_by_single_request_env(policy.template(), &env) {
        PolicyCheck::Success(typed) => Ok(typed),
        PolicyCheck::Irrelevant(errors, typed) if errors.is_empty() => Ok(typed),
        PolicyCheck::Irrelevant(errors, _) | PolicyCheck::Fail(errors) => {
            Err(errors.first().map_or_else(String::new, ToString::to_string))
        }
    }
}
