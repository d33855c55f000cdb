//! A policy compiled for evaluation.

use std::sync::OnceLock;

use cedar_policy_core::ast::{Effect, EntityUID, Expr, ExprKind, Literal, Policy, SlotEnv};

use super::PolicySource;
use super::native::Matcher;
use super::parse::{Unreadable, annotation, parse};
use super::reads::Reads;
use super::{AnyCall, Possible, Skeleton};

/// A policy in the forms that evaluation needs.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// The policy's `@id`.
    pub id: String,
    /// Permit or forbid.
    pub effect: Effect,
    /// The scope, `when` and `unless` as one expression.
    pub condition: Expr,
    /// The scope by itself.
    pub scope: Expr,
    /// The entities linked to a template's slots.
    pub slots: SlotEnv,
    /// The policy's `@reason` for the refused caller.
    pub reason: Option<String>,
    /// The policy's `@escalate`: the group that can approve a call that it forbids.
    pub escalate: Option<String>,
    /// The entities named in `when` and `unless`.
    pub entities: Vec<EntityUID>,
    /// The native evaluator of the policy.
    pub(super) native: Matcher,
    /// The members of the context that the policy reads.
    pub reads: Reads,
    /// The condition taken apart, for lists of tools.
    skeleton: OnceLock<Skeleton>,
}

impl CompiledPolicy {
    /// Compiles a policy parsed by Cedar.
    pub fn of(policy: &Policy) -> Self {
        let conditions = policy.non_scope_constraints().into_iter();
        let named = conditions.flat_map(Expr::subexpressions).filter_map(literal_uid);
        let mut entities: Vec<EntityUID> = named.chain(policy.env().values().cloned()).collect();
        entities.sort_unstable();
        entities.dedup();
        let condition = policy.condition();
        Self {
            id: policy.id().to_string(),
            effect: policy.effect(),
            reads: Reads::of(&condition),
            condition,
            scope: scope(policy),
            slots: policy.env().clone(),
            reason: annotation(policy, "reason").filter(|text| !text.is_empty()),
            escalate: escalate(policy),
            entities,
            native: Matcher::of(policy),
            skeleton: OnceLock::new(),
        }
    }

    /// The results that the policy can have in calls of a tool.
    pub fn possible(&self, calls: &impl AnyCall) -> Possible {
        let skeleton = self.skeleton.get_or_init(|| Skeleton::of(&self.condition));
        skeleton.possible(&self.slots, calls)
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

/// Nobody can approve what a permit permits.
fn escalate(policy: &Policy) -> Option<String> {
    let group = annotation(policy, "escalate").filter(|group| !group.is_empty());
    group.filter(|_| policy.effect() == Effect::Forbid)
}

fn scope(policy: &Policy) -> Expr {
    let (principal, action) = (policy.principal_constraint(), policy.action_constraint());
    let parties = Expr::and(principal.as_expr(), action.as_expr());
    Expr::and(parties, policy.resource_constraint().as_expr())
}

fn literal_uid(expression: &Expr) -> Option<EntityUID> {
    if let ExprKind::Lit(Literal::EntityUID(uid)) = expression.expr_kind() {
        Some(uid.as_ref().clone())
    } else {
        None
    }
}
