//! Parses policies with Cedar.

use cedar_policy_core::ast::{AnyId, Policy, PolicyID};
use cedar_policy_core::parser;

use super::PolicySource;

/// The id of a policy that Cedar cannot parse, which building a bundle rules out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable(pub String);

/// Parses a policy with Cedar.
pub(super) fn parse(source: PolicySource<'_>) -> Option<Policy> {
    let id = PolicyID::from_string(source.id);
    parser::parse_policy(Some(id), source.source).ok().map(Policy::from)
}

/// The value of an annotation.
pub(super) fn annotation(policy: &Policy, name: &str) -> Option<String> {
    let name: AnyId = name.parse().ok()?;
    policy.annotation(&name).map(|annotation| annotation.val.to_string())
}
