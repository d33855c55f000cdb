//! A policy that is ready for evaluation.

use cedar_policy_core::ast::{Effect, EntityUID, Expr, ExprKind, Literal, Policy, SlotEnv};

use super::PolicySource;
use super::native::Matcher;
use super::parse::{Unreadable, annotation, parse};

/// A policy in the forms that evaluation needs.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits or forbids.
    pub effect: Effect,
    /// Its scope, `when` and `unless` as one expression.
    pub condition: Expr,
    /// What the slots of a template are linked to.
    pub slots: SlotEnv,
    /// The text that it has for the caller it refuses.
    pub reason: Option<String>,
    /// The entities that its `when` and `unless` name.
    pub entities: Vec<EntityUID>,
    /// What evaluates it without Cedar.
    pub(super) native: Matcher,
}

impl CompiledPolicy {
    /// Compiles a policy that Cedar has parsed.
    pub fn of(policy: &Policy) -> Self {
        let conditions = policy.non_scope_constraints().into_iter();
        let named = conditions.flat_map(Expr::subexpressions).filter_map(literal_uid);
        let mut entities: Vec<EntityUID> = named.chain(policy.env().values().cloned()).collect();
        entities.sort_unstable();
        entities.dedup();
        Self {
            id: policy.id().to_string(),
            effect: policy.effect(),
            condition: policy.condition(),
            slots: policy.env().clone(),
            reason: annotation(policy, "reason").filter(|text| !text.is_empty()),
            entities,
            native: Matcher::of(policy),
        }
    }

    /// Compiles a policy of a bundle.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if Cedar cannot parse it.
    pub fn parse(source: PolicySource<'_>) -> Result<Self, Unreadable> {
        let policy = parse(source).ok_or_else(|| Unreadable(source.id.to_owned()))?;
        Ok(Self::of(&policy))
    }
}

fn literal_uid(expression: &Expr) -> Option<EntityUID> {
    if let ExprKind::Lit(Literal::EntityUID(uid)) = expression.expr_kind() {
        Some(uid.as_ref().clone())
    } else {
        None
    }
}
