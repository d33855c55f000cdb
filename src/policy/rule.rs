//! One policy as it is asked.

use cedar_policy_core::ast::{
    AnyId, Effect, EntityUID, Expr, ExprKind, Literal, Policy, PolicyID, SlotEnv,
};
use cedar_policy_core::parser;

use super::Bounds;
use super::condition::Term;
use crate::bundle::PolicySource;

/// A policy whose parts are put together once.
#[derive(Debug)]
pub struct Rule {
    /// Its `@id`.
    pub id: String,
    /// What it does where it matches.
    pub effect: Effect,
    /// Its scope.
    pub bounds: Bounds,
    /// `when` and `unless` as one expression; `None` where there are none.
    pub condition: Option<Expr>,
    /// The same laid out; `None` where only Cedar knows what it says.
    pub(super) terms: Option<Term>,
    /// What the slots of a template are linked to.
    pub slots: SlotEnv,
    /// The text that it has for the caller it refuses.
    pub reason: Option<String>,
    /// The entities that its condition names.
    pub entities: Vec<EntityUID>,
}

impl Rule {
    /// A policy that Cedar has read.
    pub fn of(policy: &Policy) -> Self {
        let condition = policy.non_scope_constraints().cloned();
        let named = condition.iter().flat_map(Expr::subexpressions).filter_map(named);
        let mut entities: Vec<EntityUID> = named.chain(policy.env().values().cloned()).collect();
        entities.sort_unstable();
        entities.dedup();
        Self {
            id: policy.id().to_string(),
            effect: policy.effect(),
            bounds: Bounds::of(policy),
            slots: policy.env().clone(),
            terms: condition.as_ref().and_then(Term::of),
            reason: annotation(policy, "reason").filter(|text| !text.is_empty()),
            entities,
            condition,
        }
    }

    /// A policy of a bundle; `None` if Cedar does not read it.
    pub fn read(source: PolicySource<'_>) -> Option<Self> {
        parse(source).map(|policy| Self::of(&policy))
    }
}

/// The entity that a part of a condition is.
fn named(part: &Expr) -> Option<EntityUID> {
    if let ExprKind::Lit(Literal::EntityUID(uid)) = part.expr_kind() {
        Some(uid.as_ref().clone())
    } else {
        None
    }
}

/// Cedar's reading of a policy.
pub(super) fn parse(source: PolicySource<'_>) -> Option<Policy> {
    let id = PolicyID::from_string(source.id);
    parser::parse_policy(Some(id), source.source).ok().map(Policy::from)
}

/// The value of an annotation.
pub(super) fn annotation(policy: &Policy, name: &str) -> Option<String> {
    let name: AnyId = name.parse().ok()?;
    policy.annotation(&name).map(|annotation| annotation.val.to_string())
}
