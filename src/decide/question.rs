//! One call as policies see it, and as a Cedar request for the fallback.
//!
//! The caller's JSON never becomes Cedar JSON, in which `{"__entity": …}` would let a caller name
//! an entity. Arguments arrive here as typed values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use cedar_policy::Schema;
use cedar_policy_core::ast::{Context, EntityUID, EntityUIDEntry, Request};
use cedar_policy_core::entities::Entities;
use chrono::{DateTime, Utc};

use super::{Denial, limits};
use crate::bundle::Bundle;
use crate::gate::Caller;
use crate::identity::Identity;
use crate::json::Object;
use crate::memory;
use crate::policy::value::{self, Extension, Value};
use crate::policy::{
    ArgumentValue, CompiledPolicy, EntityStore, Env, LazyContext, MEMORY, RequestContext,
};
use crate::reason::Reason;
use crate::tool::{ArgumentError, Inexact, Input, Tool, UnknownResource};

/// The facts that the proxy observed about one request, besides identity.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time of arrival.
    pub time: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// The path without query.
    pub path: String,
    /// The authority.
    pub authority: String,
    /// The address of the downstream peer. An IPv4-mapped address is stored as IPv4, because Cedar
    /// does not parse `::ffff:1.2.3.4`.
    pub source_ip: Option<IpAddr>,
    /// The trace id of a W3C `traceparent`.
    pub trace_id: Option<String>,
    /// The gate's environment, from the filter's configuration.
    pub environment: Arc<str>,
}

/// What policies see of memory, and whether it is all.
#[derive(Debug)]
pub struct Remembered<'a> {
    /// The attributes of `context`.
    pub attributes: memory::Attributes<'a>,
    /// Whether earlier calls may be missing in them.
    pub is_incomplete: bool,
}

/// A call in the form in which policies are evaluated.
#[derive(Debug)]
pub struct Question<'a> {
    entities: &'a EntityStore,
    schema: Option<&'a Schema>,
    caller: Arc<Caller>,
    action: &'a EntityUID,
    resource: Cow<'a, EntityUID>,
    input: Input<'a>,
    facts: &'a Facts,
    /// What is remembered, if the bundle has anything remembered.
    remembered: Option<Arc<Remembered<'a>>>,
}

impl<'a> Question<'a> {
    /// Builds the question for a call.
    ///
    /// # Errors
    ///
    /// As [`Question::by`], and [`Reason::Internal`] if the principal cannot be an entity.
    pub fn new(
        bundle: &'a Bundle,
        tool: &'a Tool,
        arguments: Option<&'a Object<'_>>,
        identity: &Identity,
        facts: &'a Facts,
    ) -> Result<Self, Denial> {
        let caller = Caller::new(bundle, identity).ok_or_else(Denial::unfit)?;
        Self::by(Arc::new(caller), bundle, tool, arguments, facts)
    }

    /// Builds the question for a call of a known caller.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidArguments`] if the arguments do not fit the tool, [`Reason::TooManyValues`]
    /// if they become too many values, [`Reason::UnknownResource`] if they name a resource that is
    /// not in the bundle although the inventory requires it, [`Reason::CapabilityMissing`],
    /// [`Reason::CapabilityExceeded`] and [`Reason::InsufficientScope`] if the call is beyond a limit of
    /// the caller.
    pub fn by(
        caller: Arc<Caller>,
        bundle: &'a Bundle,
        tool: &'a Tool,
        arguments: Option<&'a Object<'_>>,
        facts: &'a Facts,
    ) -> Result<Self, Denial> {
        let input =
            tool.arguments(arguments, bundle.limits.values).map_err(|error| invalid(&error, ""))?;
        if let Some(unread) = input.inexact.iter().find(|it| tool.is_resource(&it.path)) {
            return Err(invalid(&unread.error, ": it names the resource"));
        }
        let action = tool.action().ok_or_else(Denial::unfit)?.as_ref();
        let resource = resource(bundle, tool, arguments)?;
        limits::within(bundle, &caller, tool, Some(&resource))?;
        let (entities, schema) = (bundle.entity_store(), bundle.schema());
        let remembered = None;
        let question =
            Self { entities, schema, caller, action, resource, input, facts, remembered };
        // Loading the bundle ensured that every call of a tool fits the schema. Debug builds, and
        // so tests, validate each call again.
        #[cfg(debug_assertions)]
        if bundle.memory.is_none() {
            question.request()?;
        }
        Ok(question)
    }

    /// The same call with what is remembered of earlier ones.
    pub fn remembering(self, remembered: Remembered<'a>) -> Result<Self, Denial> {
        let question = Self { remembered: Some(Arc::new(remembered)), ..self };
        #[cfg(debug_assertions)]
        question.request()?;
        Ok(question)
    }

    /// Builds what is the same for all calls of a tool by a caller: there are no arguments but those
    /// that are known, and a resource that they would name has only its type.
    pub(super) fn about_all(
        caller: Arc<Caller>,
        bundle: &'a Bundle,
        tool: &'a Tool,
        known: Vec<(&'a str, ArgumentValue<'a>)>,
        facts: &'a Facts,
    ) -> Result<Self, Denial> {
        let action = tool.action().ok_or_else(Denial::unfit)?.as_ref();
        let server = tool.server_entity().map(AsRef::as_ref).filter(|_| !tool.has_many_resources());
        limits::within(bundle, &caller, tool, server)?;
        let resource = match tool.resource_without_id() {
            Some(resource) => Cow::Owned(resource.into()),
            None => Cow::Borrowed(tool.server_entity().ok_or_else(Denial::unfit)?.as_ref()),
        };
        let (entities, schema) = (bundle.entity_store(), bundle.schema());
        let known = known.into_iter().map(|(name, value)| (Cow::from(name), value)).collect();
        let input = Input { value: ArgumentValue::Record(known), inexact: Vec::new() };
        let remembered = None;
        Ok(Self { entities, schema, caller, action, resource, input, facts, remembered })
    }

    /// The same call with another action.
    pub(super) fn about<'b>(&'b self, action: &'b EntityUID) -> Question<'b> {
        self.of(Arc::clone(&self.caller), action)
    }

    /// The same call by each agent that needs the right by itself.
    pub fn of_agents(&self) -> impl Iterator<Item = Question<'_>> {
        self.caller.agents.iter().map(|agent| self.of(Arc::clone(agent), self.action))
    }

    /// The principal of the question, such as `Agent::"bot"`.
    pub(super) fn party(&self) -> String {
        self.caller.principal.uid().to_string()
    }

    /// The same call by another caller, with another action.
    pub(super) fn of<'b>(&'b self, caller: Arc<Caller>, action: &'b EntityUID) -> Question<'b> {
        Question {
            entities: self.entities,
            schema: self.schema,
            caller,
            action,
            resource: Cow::Borrowed(&self.resource),
            input: self.input.clone(),
            facts: self.facts,
            remembered: self.remembered.clone(),
        }
    }

    /// Builds a call from Cedar values, for tests with entities and actions that no bundle has.
    #[doc(hidden)]
    pub fn of_parts(
        entities: &'a EntityStore,
        caller: Arc<Caller>,
        action: &'a EntityUID,
        resource: &'a EntityUID,
        input: ArgumentValue<'a>,
        facts: &'a Facts,
    ) -> Self {
        let resource = Cow::Borrowed(resource);
        let input = Input { value: input, inexact: Vec::new() };
        let (schema, remembered) = (None, None);
        Self { entities, schema, caller, action, resource, input, facts, remembered }
    }

    /// The action.
    pub fn action(&self) -> &EntityUID {
        self.action
    }

    /// The caller.
    pub(super) fn sent_by(&self) -> &Caller {
        &self.caller
    }

    /// The resource.
    pub fn resource(&self) -> &EntityUID {
        &self.resource
    }

    /// The arguments that no Cedar value equals, so that no policy may read them.
    pub fn inexact(&self) -> &[Inexact<'a>] {
        &self.input.inexact
    }

    /// The arguments and the resource, by which memory counts a call.
    pub fn counted(&self) -> (&ArgumentValue<'a>, &EntityUID) {
        (&self.input.value, &self.resource)
    }

    /// Whether a policy reads what may be missing of what is remembered.
    pub(super) fn reads_incomplete(&self, policy: &CompiledPolicy) -> bool {
        let incomplete = self.remembered.as_ref().is_some_and(|it| it.is_incomplete);
        incomplete && MEMORY.iter().any(|member| policy.reads.has(&[member]))
    }

    /// The environment in which policies are evaluated.
    pub fn env(&self) -> Env<'_> {
        let Facts { method, path, environment, trace_id, source_ip, .. } = self.facts;
        Env {
            entities: self.entities.graph(),
            principal: self.caller.principal.node(),
            action: self.action,
            resource: &self.resource,
            input: &self.input.value,
            memory: self.memory(),
            context: &self.caller.context,
            request: RequestContext {
                method,
                path,
                environment,
                trace_id: trace_id.as_deref(),
                has_source_ip: source_ip.is_some(),
            },
        }
    }

    /// The complete Cedar request and entities.
    ///
    /// # Errors
    ///
    /// [`Reason::Internal`] if the call does not fit the schema, which loading the bundle rules
    /// out.
    pub fn in_cedar(&self) -> Result<CedarRequest, Denial> {
        let entities = self.entities.with(&self.caller.principal);
        Ok(CedarRequest { request: self.request()?, entities: entities.ok_or_else(Denial::unfit)? })
    }

    fn request(&self) -> Result<cedar_policy::Request, Denial> {
        let [principal, action, resource] = self.uids().map(|uid| uid.clone().into());
        let context = self.context(&|_| true).ok_or_else(Denial::unfit)?.into();
        // The context lacks inexact arguments, which the schema may require.
        let schema = self.schema.filter(|_| self.input.inexact.is_empty());
        cedar_policy::Request::new(principal, action, resource, context, schema)
            .map_err(|_| Denial::unfit())
    }

    /// The request for Cedar's evaluator, with what these policies read of earlier calls, and the
    /// entities reachable from the call and the policies.
    pub fn reachable<'p>(
        &self,
        policies: impl Iterator<Item = &'p Arc<CompiledPolicy>> + Clone,
    ) -> Option<(Request, Entities)> {
        let is_read = |path: &[&str]| policies.clone().any(|policy| policy.reads.has(path));
        let context = self.context(&is_read)?;
        let named = context_uids(&context);
        let of_policies = policies.flat_map(|policy| &policy.entities);
        let parties = [self.action, &*self.resource];
        let roots = parties.into_iter().chain(&named).chain(of_policies);
        let entities = self.entities.reachable(&self.caller.principal, roots)?;
        let [principal, action, resource] =
            self.uids().map(|uid| EntityUIDEntry::known(uid.clone(), None));
        Some((Request::new_unchecked(principal, action, resource, Some(context)), entities))
    }

    /// The context, with what is wanted of earlier calls.
    fn context(&self, is_wanted: &dyn Fn(&[&str]) -> bool) -> Option<Context> {
        let input = self.input.value.in_cedar()?;
        let members = [("input", input), ("request", observed(self.facts)?)].into_iter();
        let members = members.chain(self.caller.context.iter().cloned());
        let members = members.map(|(name, value)| (name.into(), value));
        let remembered =
            self.memory().map_or_else(|| Some(Vec::new()), |it| it.in_cedar(is_wanted));
        let remembered = remembered?.into_iter().map(|(name, value)| (name.into(), value));
        Some(Context::Value(Arc::new(members.chain(remembered).collect())))
    }

    fn memory(&self) -> Option<&(dyn LazyContext + 'a)> {
        self.remembered.as_ref().map(|remembered| &remembered.attributes as _)
    }

    fn uids(&self) -> [&EntityUID; 3] {
        [self.caller.principal.uid(), self.action, &self.resource]
    }
}

/// The denial for arguments that do not fit.
pub(super) fn invalid(error: &ArgumentError, why: &str) -> Denial {
    let reason = if error.is_too_many() { Reason::TooManyValues } else { Reason::InvalidArguments };
    Denial {
        advice: Some(error.to_string()),
        detail: Some(error.for_record() + why),
        ..Denial::because(reason)
    }
}

/// A question as a Cedar request.
#[derive(Debug)]
pub struct CedarRequest {
    request: cedar_policy::Request,
    entities: cedar_policy::Entities,
}

impl CedarRequest {
    /// The Cedar request.
    pub fn request(&self) -> &cedar_policy::Request {
        &self.request
    }

    /// The entities of the bundle, and the principal.
    pub fn entities(&self) -> &cedar_policy::Entities {
        &self.entities
    }
}

/// The entities named in a context.
fn context_uids(context: &Context) -> HashSet<EntityUID> {
    match context {
        Context::Value(members) => members.values().flat_map(Value::all_literal_uids).collect(),
        // A request has no unknown values.
        Context::RestrictedResidual(_) => HashSet::new(),
    }
}

/// The resource of a call: the server, or the entity that the arguments name.
fn resource<'a>(
    bundle: &Bundle,
    tool: &'a Tool,
    arguments: Option<&Object<'_>>,
) -> Result<Cow<'a, EntityUID>, Denial> {
    let Some(mark) = &tool.marks().resource else {
        if let Some(pattern) = tool.resource(arguments) {
            return Ok(Cow::Owned(pattern.into()));
        }
        let server = tool.server_entity().ok_or_else(Denial::unfit)?;
        return Ok(Cow::Borrowed(server.as_ref()));
    };
    let entity = EntityUID::from(tool.resource(arguments).ok_or_else(Denial::unfit)?);
    let known = bundle.entity_store().contains(&entity);
    if known || mark.unknown == UnknownResource::Evaluate {
        return Ok(Cow::Owned(entity));
    }
    Err(Denial {
        advice: Some(format!("argument `{}` names nothing that is known here", mark.argument)),
        detail: Some(format!("`{}` names no `{}` of the bundle", mark.argument, mark.entity_type)),
        ..Denial::because(Reason::UnknownResource)
    })
}

fn observed(facts: &Facts) -> Option<Value> {
    let mut members = vec![
        ("time", value::datetime(facts.time)?),
        ("method", Value::from(facts.method.as_str())),
        ("path", Value::from(facts.path.as_str())),
        ("environment", Value::from(&*facts.environment)),
    ];
    if let Some(ip) = facts.source_ip {
        members.push(("source_ip", Extension::Ip.of(&ip.to_string())?));
    }
    if let Some(trace_id) = facts.trace_id.as_deref() {
        members.push(("trace_id", Value::from(trace_id)));
    }
    Some(value::record(members))
}
