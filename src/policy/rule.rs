//! One policy as Cedar evaluates it.

use cedar_policy_core::ast::{
    AnyId, Effect, EntityUID, Expr, ExprKind, Literal, Policy, PolicyID, SlotEnv,
};
use cedar_policy_core::parser;

use crate::bundle::PolicySource;

/// A policy whose condition, scope included, is put together once.
#[derive(Debug)]
pub struct Rule {
    /// Its `@id`.
    pub id: String,
    /// What it does where its condition holds.
    pub effect: Effect,
    /// Scope, `when` and `unless` as one expression.
    pub condition: Expr,
    /// What the slots of a template are linked to.
    pub slots: SlotEnv,
    /// The text that it has for the caller it refuses.
    pub reason: Option<String>,
    /// The entities that it names.
    pub entities: Vec<EntityUID>,
}

impl Rule {
    /// A policy that Cedar has read.
    pub fn of(policy: &Policy) -> Self {
        let condition = policy.condition();
        let named = condition.subexpressions().filter_map(|part| match part.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => Some(uid.as_ref().clone()),
            #[expect(clippy::wildcard_enum_match_arm, reason = "only literals name entities")]
            _ => None,
        });
        let mut entities: Vec<EntityUID> = named.chain(policy.env().values().cloned()).collect();
        entities.sort_unstable();
        entities.dedup();
        Self {
            id: policy.id().to_string(),
            effect: policy.effect(),
            slots: policy.env().clone(),
            reason: annotation(policy, "reason").filter(|text| !text.is_empty()),
            entities,
            condition,
        }
    }

    /// A policy of a bundle; `None` if Cedar does not read it.
    pub fn read(source: &PolicySource) -> Option<Self> {
        parse(source).map(|policy| Self::of(&policy))
    }
}

/// Cedar's reading of a policy.
pub(super) fn parse(source: &PolicySource) -> Option<Policy> {
    let id = PolicyID::from_string(&source.id);
    parser::parse_policy(Some(id), &source.source).ok().map(Policy::from)
}

/// The value of an annotation.
pub(super) fn annotation(policy: &Policy, name: &str) -> Option<String> {
    let name: AnyId = name.parse().ok()?;
    policy.annotation(&name).map(|annotation| annotation.val.to_string())
}
