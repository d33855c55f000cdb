//! Optimizations of evaluation, none of which is needed for a correct decision.
//!
//! - [`Index`] finds the policies whose scope a call can meet. A policy's condition begins with its
//!   scope, so leaving out the others does not change the result.
//! - [`PolicyCache`] compiles a policy when a call first needs it, and keeps those in use.
//! - [`Matcher`] evaluates scopes and common conditions directly on the call. Cedar's evaluator
//!   needs its own context and entities, which cost more than most conditions.
//! - [`Graph`] finds entities, and selects those that Cedar's evaluator needs, if it is called.
//!
//! If one of them cannot handle a case, it returns `None`, and Cedar evaluates.

mod cache;
mod env;
mod eval;
mod expr;
mod graph;
mod index;
mod key;
mod like;
mod operand;
mod scope;
#[cfg(test)]
mod tests;

use cedar_policy_core::ast::{self, Policy};

pub use cache::PolicyCache;
pub use env::Env;
pub use graph::{Graph, Node};
pub use index::{Index, RequestKeys};
pub use key::{Key, ScopeKeys};

use expr::Expr;
use scope::Scope;

/// A condition for the native evaluator; `None` if only Cedar can evaluate it.
#[derive(Debug)]
pub(super) struct Condition(Option<Expr>);

impl Condition {
    pub(super) fn of(expression: &ast::Expr) -> Self {
        Self(Expr::of(expression))
    }

    /// Whether it is true.
    pub(super) fn holds(&self, env: &Env<'_>) -> Option<bool> {
        env.satisfies(self.0.as_ref()?)
    }
}

/// A policy for the native evaluator.
#[derive(Debug)]
pub(super) struct Matcher {
    scope: Scope,
    /// `when` and `unless`; `None` if only Cedar can evaluate them.
    condition: Option<Expr>,
}

impl Matcher {
    pub(super) fn of(policy: &Policy) -> Self {
        let condition = match policy.non_scope_constraints() {
            Some(condition) => Expr::of(condition),
            None => Some(Expr::Bool(true)),
        };
        Self { scope: Scope::of(policy), condition }
    }

    /// Whether the policy matches. Outside its scope the condition is not evaluated, so it cannot
    /// err.
    pub(super) fn matches(&self, env: &Env<'_>) -> Option<bool> {
        if !self.scope.matches(env)? {
            return Some(false);
        }
        env.satisfies(self.condition.as_ref()?)
    }
}
