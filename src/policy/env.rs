//! The environment of an evaluation: principal, action, resource and context of one call.

use cedar_policy_core::ast::{EntityUID, Value};

use super::{ArgumentValue, LazyContext};

/// The data about a call that policies can read. Entities are in the form of the evaluator: a graph
/// `G` of nodes `N`.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a, G, N> {
    /// The static entities.
    pub entities: &'a G,
    /// The principal, added to the entities.
    pub principal: &'a N,
    /// The action.
    pub action: &'a EntityUID,
    /// The resource.
    pub resource: &'a EntityUID,
    /// `context.input`
    pub input: &'a ArgumentValue<'a>,
    /// `context.request`
    pub request: RequestContext<'a>,
    /// The attributes of `context` about earlier calls.
    pub memory: Option<&'a dyn LazyContext>,
    /// The other attributes of `context`.
    pub context: &'a [(&'static str, Value)],
}

/// The string attributes of `context.request`.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path without query.
    pub path: &'a str,
    /// The environment from the filter's configuration.
    pub environment: &'a str,
    /// The trace id.
    pub trace_id: Option<&'a str>,
    /// Whether the address of the downstream peer is known.
    pub has_source_ip: bool,
}
