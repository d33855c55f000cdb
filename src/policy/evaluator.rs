//! Cedar's own evaluator, asked about one policy at a time.

use std::cell::LazyCell;

use cedar_policy_core::ast::{Literal, Request, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use super::Rule;

/// Cedar with a request and entities, which are put together when it is first asked.
#[derive(Debug)]
pub struct Cedar<F>(LazyCell<Option<(Request, Entities)>, F>);

impl<F: FnOnce() -> Option<(Request, Entities)>> Cedar<F> {
    /// Cedar, to be asked about what this puts together.
    pub fn new(posed: F) -> Self {
        Self(LazyCell::new(posed))
    }

    /// Whether the condition of a policy holds; `None` if that cannot be told.
    pub fn tells(&self, rule: &Rule) -> Option<bool> {
        let (request, entities) = self.0.as_ref()?;
        let evaluator = Evaluator::new(request.clone(), entities, Extensions::all_available());
        let value = evaluator.interpret(rule.condition.as_ref()?, &rule.slots).ok()?;
        match value.value_kind() {
            ValueKind::Lit(Literal::Bool(holds)) => Some(*holds),
            ValueKind::Lit(Literal::Long(_) | Literal::String(_) | Literal::EntityUID(_))
            | ValueKind::Set(_)
            | ValueKind::Record(_)
            | ValueKind::ExtensionValue(_) => None,
        }
    }
}
