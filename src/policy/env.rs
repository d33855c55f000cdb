//! The environment of an evaluation: principal, action, resource and context of one call.

use cedar_policy_core::ast::{EntityUID, Value};

use super::ArgumentValue;

/// Everything that policies can read about a call. The entities have the form that the evaluator
/// wants: a graph `G` of nodes `N`.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a, G, N> {
    /// The static entities.
    pub entities: &'a G,
    /// The principal, admitted to them.
    pub principal: &'a N,
    /// The action.
    pub action: &'a EntityUID,
    /// The resource.
    pub resource: &'a EntityUID,
    /// `context.input`
    pub input: &'a ArgumentValue<'a>,
    /// `context.request`
    pub request: RequestContext<'a>,
    /// The other attributes of `context`.
    pub context: &'a [(&'static str, Value)],
}

/// The attributes of `context.request` that are text.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path without query.
    pub path: &'a str,
    /// The environment that the filter's configuration names.
    pub environment: &'a str,
    /// The trace id.
    pub trace_id: Option<&'a str>,
    /// Whether the address of the downstream peer is known.
    pub has_source_ip: bool,
}
