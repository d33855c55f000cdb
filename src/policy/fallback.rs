//! Cedar's evaluator as the fallback, called for one policy at a time.

use std::cell::LazyCell;

use cedar_policy_core::ast::{Expr, Literal, Request, SlotEnv, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use super::CompiledPolicy;

/// Cedar's evaluator for one call. Its request and entities are built lazily.
#[derive(Debug)]
pub struct Fallback<F>(LazyCell<Option<(Request, Entities)>, F>);

impl<F: FnOnce() -> Option<(Request, Entities)>> Fallback<F> {
    /// Creates an evaluator of the request and entities that `build` returns.
    pub fn new(build: F) -> Self {
        Self(LazyCell::new(build))
    }

    /// Whether a policy matches, scope included; `None` if its evaluation fails.
    pub fn matches(&self, policy: &CompiledPolicy) -> Option<bool> {
        self.holds(&policy.condition, &policy.slots)
    }

    /// Whether a policy's scope admits the call; `None` if its evaluation fails.
    pub fn admits(&self, policy: &CompiledPolicy) -> Option<bool> {
        self.holds(&policy.scope, &policy.slots)
    }

    /// Whether a part of a policy holds; `None` if its evaluation fails.
    pub fn holds(&self, expression: &Expr, slots: &SlotEnv) -> Option<bool> {
        let (request, entities) = self.0.as_ref()?;
        let evaluator = Evaluator::new(request.clone(), entities, Extensions::all_available());
        let value = evaluator.interpret(expression, slots).ok()?;
        match value.value_kind() {
            ValueKind::Lit(Literal::Bool(matches)) => Some(*matches),
            ValueKind::Lit(Literal::Long(_) | Literal::String(_) | Literal::EntityUID(_))
            | ValueKind::Set(_)
            | ValueKind::Record(_)
            | ValueKind::ExtensionValue(_) => None,
        }
    }
}
