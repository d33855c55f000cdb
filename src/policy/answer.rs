//! What policies say about one call, as Cedar's authorizer would.

use std::rc::Rc;

use cedar_policy_core::ast::{Effect, Literal, ValueKind};
use cedar_policy_core::evaluator::Evaluator;

use super::{Parties, Rule};

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
    pub fn of(rules: &[Rc<Rule>], parties: &Parties<'_>, evaluator: &Evaluator<'_>) -> Self {
        let mut answer = Self::default();
        for rule in rules {
            let said = match holds(rule, parties, evaluator) {
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

/// Whether a policy matches; `None` if that cannot be told. The condition of a policy whose scope
/// the call does not meet is not evaluated, and so does not err.
fn holds(rule: &Rule, parties: &Parties<'_>, evaluator: &Evaluator<'_>) -> Option<bool> {
    if !rule.bounds.admit(parties)? {
        return Some(false);
    }
    let Some(condition) = &rule.condition else { return Some(true) };
    let value = evaluator.interpret(condition, &rule.slots).ok()?;
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(holds)) => Some(*holds),
        ValueKind::Lit(Literal::Long(_) | Literal::String(_) | Literal::EntityUID(_))
        | ValueKind::Set(_)
        | ValueKind::Record(_)
        | ValueKind::ExtensionValue(_) => None,
    }
}
