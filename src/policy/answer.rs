//! What policies say about one call, as Cedar's authorizer would.

use std::sync::Arc;

use cedar_policy_core::ast::Effect;

use super::{Rule, Scene};

/// The policies that have a say, in the order of their ids.
#[derive(Debug, Default)]
pub struct Answer {
    /// Those that permit.
    pub permits: Vec<Arc<Rule>>,
    /// Those that forbid.
    pub forbids: Vec<Arc<Rule>>,
    /// Those that could not be evaluated.
    pub errors: Vec<Arc<Rule>>,
}

impl Answer {
    /// Asks policies. `cedar` tells of a policy whose scope the call meets whether its condition holds,
    /// `None` being an error; it is asked where only Cedar knows.
    pub fn of(
        rules: &[Arc<Rule>],
        scene: &Scene<'_>,
        cedar: impl Fn(&Rule) -> Option<bool>,
    ) -> Self {
        let mut answer = Self::default();
        for rule in rules {
            let said = match holds(rule, scene, &cedar) {
                Some(false) => continue,
                None => &mut answer.errors,
                Some(true) => match rule.effect {
                    Effect::Permit => &mut answer.permits,
                    Effect::Forbid => &mut answer.forbids,
                },
            };
            said.push(Arc::clone(rule));
        }
        for said in [&mut answer.permits, &mut answer.forbids, &mut answer.errors] {
            said.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        }
        answer
    }
}

/// Whether a policy matches; `None` if that cannot be told. The condition of a policy whose scope
/// the call does not meet is not evaluated, and so does not err.
fn holds(rule: &Rule, scene: &Scene<'_>, cedar: impl Fn(&Rule) -> Option<bool>) -> Option<bool> {
    if !rule.bounds.admit(scene)? {
        return Some(false);
    }
    if rule.condition.is_none() {
        return Some(true);
    }
    rule.terms.as_ref().and_then(|terms| scene.satisfies(terms)).or_else(|| cedar(rule))
}
