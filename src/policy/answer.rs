//! What policies say about one call, as Cedar's authorizer would.

use std::rc::Rc;

use cedar_policy_core::ast::{Effect, Literal, ValueKind};
use cedar_policy_core::evaluator::Evaluator;

use super::Rule;

/// The policies that have a say, in the order of their ids.
#[derive(Debug, Default)]
pub struct Answer {
    /// Those that permit.
    pub permits: Vec<Rc<Rule>>,
    /// Those that forbid.
    pub forbids: Vec<Rc<Rule>>,
    /// Those that could not be evaluated.
    pub errors: Vec<Rc<Rule>>,
}

impl Answer {
    /// Asks policies.
    pub fn of(rules: &[Rc<Rule>], evaluator: &Evaluator<'_>) -> Self {
        let mut answer = Self::default();
        for rule in rules {
            let said = match holds(rule, evaluator) {
                Some(false) => continue,
                None => &mut answer.errors,
                Some(true) => match rule.effect {
                    Effect::Permit => &mut answer.permits,
                    Effect::Forbid => &mut answer.forbids,
                },
            };
            said.push(Rc::clone(rule));
        }
        for said in [&mut answer.permits, &mut answer.forbids, &mut answer.errors] {
            said.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        }
        answer
    }
}

/// Whether the condition of a policy holds; `None` if it cannot be told.
fn holds(rule: &Rule, evaluator: &Evaluator<'_>) -> Option<bool> {
    let value = evaluator.interpret(&rule.condition, &rule.slots).ok()?;
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(holds)) => Some(*holds),
        ValueKind::Lit(Literal::Long(_) | Literal::String(_) | Literal::EntityUID(_))
        | ValueKind::Set(_)
        | ValueKind::Record(_)
        | ValueKind::ExtensionValue(_) => None,
    }
}
