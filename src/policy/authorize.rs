//! Evaluates policies with the same result as Cedar's authorizer.

use std::sync::Arc;

use cedar_policy_core::ast::Effect;

use super::{CompiledPolicy, Env};

/// The policies that determine a decision, each list sorted by id.
#[derive(Debug, Default)]
pub struct Response {
    /// Matching `permit` policies.
    pub permits: Vec<Arc<CompiledPolicy>>,
    /// Matching `forbid` policies.
    pub forbids: Vec<Arc<CompiledPolicy>>,
    /// Policies whose evaluation failed.
    pub errors: Vec<Arc<CompiledPolicy>>,
}

/// Evaluates policies. `fallback` is Cedar's evaluator, called for policies that the native one
/// cannot evaluate; it returns `None` for an error.
pub fn authorize(
    policies: &[Arc<CompiledPolicy>],
    env: &Env<'_>,
    fallback: impl Fn(&CompiledPolicy) -> Option<bool>,
) -> Response {
    let mut response = Response::default();
    for policy in policies {
        let list = match policy.native.matches(env).or_else(|| fallback(policy)) {
            Some(false) => continue,
            None => &mut response.errors,
            Some(true) => match policy.effect {
                Effect::Permit => &mut response.permits,
                Effect::Forbid => &mut response.forbids,
            },
        };
        list.push(Arc::clone(policy));
    }
    for list in [&mut response.permits, &mut response.forbids, &mut response.errors] {
        list.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }
    response
}
