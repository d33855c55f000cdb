//! The decision about a request, from Cedar or from the gate.

use std::fmt;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, PolicyId, PolicySet, Request,
};

/// A decision, the determining policies, and the policies whose evaluation fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    allow: bool,
    reason: Vec<String>,
    errors: Vec<String>,
}

impl Said {
    /// The decision for these matching and failing policies.
    pub(crate) fn of(permits: Vec<String>, forbids: Vec<String>, errors: Vec<String>) -> Self {
        let allow = forbids.is_empty() && !permits.is_empty();
        let reason = if forbids.is_empty() { permits } else { forbids };
        Self::new(allow, reason, errors)
    }

    /// A decision, independent of the order of the policies.
    pub(crate) fn new(allow: bool, mut reason: Vec<String>, mut errors: Vec<String>) -> Self {
        for ids in [&mut reason, &mut errors] {
            ids.sort_unstable();
            ids.dedup();
        }
        Self { allow, reason, errors }
    }

    /// The decision of Cedar's authorizer, which evaluates every policy of the set.
    pub(crate) fn by_cedar(request: &Request, policies: &PolicySet, entities: &Entities) -> Self {
        let response = Authorizer::new().is_authorized(request, policies, entities);
        let diagnostics = response.diagnostics();
        let errors = diagnostics.errors().map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        });
        let allow = response.decision() == Decision::Allow;
        Self::new(allow, ids(diagnostics.reason()), ids(errors))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = if self.allow { "allow" } else { "deny" };
        write!(f, "{decision} by {:?}, errors {:?}", self.reason, self.errors)
    }
}

fn ids<'a>(policies: impl Iterator<Item = &'a PolicyId>) -> Vec<String> {
    policies.map(ToString::to_string).collect()
}
