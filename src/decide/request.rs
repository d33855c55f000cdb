//! The Cedar request of one call, built value by value.
//!
//! The caller's JSON never becomes Cedar JSON: there, `{"__entity": …}` would let a caller spell
//! an entity. Arguments arrive here as typed expressions.

#[cfg(feature = "cli")]
use std::cell::OnceCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use cedar_policy::{EntityUid, Request};
use cedar_policy_core::ast::{self, EntityUID, EntityUIDEntry};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use chrono::{DateTime, SecondsFormat, Utc};

use super::{Caller, Denial};
use crate::bundle::{Bundle, Resident, World};
use crate::identity::Identity;
use crate::json::Object;
use crate::policy::value::{self, Extension, Value};
use crate::policy::{Keys, Parties, Rule};
use crate::reason::Reason;
use crate::tool::{Tool, UnknownResource};

/// What the proxy observed about one request, besides identity.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it arrived.
    pub time: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// The path without query.
    pub path: String,
    /// The authority.
    pub authority: String,
    /// The address of the downstream peer, an IPv4-mapped one as IPv4: Cedar does not read the
    /// spelling `::ffff:1.2.3.4`.
    pub source_ip: Option<IpAddr>,
    /// The trace id of a W3C `traceparent`.
    pub trace_id: Option<String>,
    /// Where the gate runs, from the filter's configuration.
    pub environment: String,
}

/// A call as Cedar sees it.
#[derive(Debug)]
pub struct Question {
    request: Request,
    world: Rc<World>,
    principal: Rc<Resident>,
    keys: Keys,
    /// The entities that the context names.
    named: Vec<EntityUID>,
    /// All entities, for those who look at one call at leisure.
    #[cfg(feature = "cli")]
    entities: OnceCell<cedar_policy::Entities>,
}

impl Question {
    /// Puts a call into Cedar's terms.
    ///
    /// # Errors
    ///
    /// As [`Question::by`], and [`Reason::Internal`] if the principal would be in itself.
    pub fn new(
        bundle: &Bundle,
        tool: &Tool,
        arguments: Option<&Object<'_>>,
        identity: &Identity,
        facts: &Facts,
    ) -> Result<Self, Denial> {
        Self::by(&Caller::new(bundle, identity)?, bundle, tool, arguments, facts)
    }

    /// Puts a call of a caller into Cedar's terms.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidArguments`] if the arguments do not fit the tool, [`Reason::UnknownResource`]
    /// if they name a resource that the bundle must know and does not.
    pub fn by(
        caller: &Caller,
        bundle: &Bundle,
        tool: &Tool,
        arguments: Option<&Object<'_>>,
        facts: &Facts,
    ) -> Result<Self, Denial> {
        let input = tool.arguments(arguments).map_err(|error| Denial {
            advice: Some(error.to_string()),
            detail: Some(error.for_record()),
            ..Denial::because(Reason::InvalidArguments)
        })?;
        let in_input = input.all_literal_uids();
        let named = caller.named.iter().cloned().chain(in_input).collect();
        let context = context(input, caller, facts)?;
        let action = tool.action().cloned().ok_or_else(|| internal(()))?;
        let resource = resource(bundle, tool, arguments)?;
        let request = request(bundle, [caller.uid.clone(), action, resource], context)?;
        let (world, principal) = (Rc::clone(bundle.world()), Rc::clone(&caller.principal));
        let keys = keys(&world, &principal, request.as_ref());
        Ok(Self {
            request,
            world,
            principal,
            keys,
            named,
            #[cfg(feature = "cli")]
            entities: OnceCell::new(),
        })
    }

    /// The Cedar request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The entities of the bundle and the principal.
    #[cfg(feature = "cli")]
    pub fn entities(&self) -> &cedar_policy::Entities {
        self.entities.get_or_init(|| self.world.entities_with(&self.principal))
    }

    /// What of the scopes of policies the call meets.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The entities that these policies can reach.
    pub(super) fn entities_for<'a>(
        &'a self,
        rules: impl Iterator<Item = &'a Rc<Rule>>,
    ) -> Option<Entities> {
        let [_, action, resource] = self.uids();
        let of_policies = rules.flat_map(|rule| &rule.entities);
        let from = action.into_iter().chain(resource).chain(&self.named).chain(of_policies);
        self.world.reachable(&self.principal, from)
    }

    /// Principal, action and resource among these entities.
    pub(super) fn parties<'a>(&'a self, entities: &'a Entities) -> Option<Parties<'a>> {
        let [principal, action, resource] = self.uids();
        Some(Parties::new([principal?, action?, resource?], entities))
    }

    /// What evaluates policies about the call.
    pub(super) fn evaluator<'a>(&self, entities: &'a Entities) -> Evaluator<'a> {
        let request: &ast::Request = self.request.as_ref();
        Evaluator::new(request.clone(), entities, Extensions::all_available())
    }

    /// Each is there: nothing in a request is unknown.
    fn uids(&self) -> [Option<&EntityUID>; 3] {
        let request: &ast::Request = self.request.as_ref();
        [request.principal(), request.action(), request.resource()].map(EntityUIDEntry::uid)
    }
}

fn keys(world: &World, principal: &Resident, request: &ast::Request) -> Keys {
    let of = |entry: &EntityUIDEntry| {
        entry.uid().map(|uid| world.keys(uid, principal)).unwrap_or_default()
    };
    Keys {
        principal: principal.keys().to_vec(),
        action: of(request.action()),
        resource: of(request.resource()),
    }
}

/// Loading the bundle made sure that every call of the tool fits the schema.
#[cfg(not(debug_assertions))]
#[expect(clippy::unnecessary_wraps, reason = "the other one can refuse")]
fn request(_: &Bundle, parts: [EntityUid; 3], context: ast::Context) -> Result<Request, Denial> {
    let [principal, action, resource] = parts.map(|uid| EntityUIDEntry::known(uid.into(), None));
    Ok(ast::Request::new_unchecked(principal, action, resource, Some(context)).into())
}

/// Whatever is built without optimisation, tests above all, holds every call against the schema.
#[cfg(debug_assertions)]
fn request(
    bundle: &Bundle,
    [principal, action, resource]: [EntityUid; 3],
    context: ast::Context,
) -> Result<Request, Denial> {
    Request::new(principal, action, resource, context.into(), bundle.schema()).map_err(internal)
}

fn context(input: Value, caller: &Caller, facts: &Facts) -> Result<ast::Context, Denial> {
    let members = [("input", input), ("request", observed(facts)?)].into_iter();
    let members = members.chain(caller.terms.iter().cloned());
    let members = members.map(|(name, value)| (name.into(), value)).collect();
    Ok(ast::Context::Value(Arc::new(members)))
}

/// What the call is about: the server, or the entity that its arguments name.
fn resource(
    bundle: &Bundle,
    tool: &Tool,
    arguments: Option<&Object<'_>>,
) -> Result<EntityUid, Denial> {
    let Some(mark) = &tool.marks().resource else {
        return tool.server_entity().cloned().ok_or_else(|| internal(()));
    };
    let entity = tool.resource(arguments).ok_or_else(|| internal(()))?;
    let known = bundle.world().knows(entity.as_ref());
    if known || mark.unknown == UnknownResource::Evaluate {
        return Ok(entity);
    }
    Err(Denial {
        advice: Some(format!("argument `{}` names nothing that is known here", mark.argument)),
        detail: Some(format!("`{}` names no `{}` of the bundle", mark.argument, mark.entity_type)),
        ..Denial::because(Reason::UnknownResource)
    })
}

fn observed(facts: &Facts) -> Result<Value, Denial> {
    let always = [
        ("time", datetime(facts.time)?),
        ("method", Value::from(facts.method.as_str())),
        ("path", Value::from(facts.path.as_str())),
        ("environment", Value::from(facts.environment.as_str())),
    ];
    let ip = |ip: IpAddr| Extension::Ip.of(&ip.to_string()).ok_or_else(|| internal(()));
    let optional = [
        ("source_ip", facts.source_ip.map(ip).transpose()?),
        ("trace_id", facts.trace_id.as_deref().map(Value::from)),
    ];
    Ok(value::record(always.into_iter().chain(present(optional))))
}

pub(super) fn present<const N: usize>(
    optional: [(&'static str, Option<Value>); N],
) -> impl Iterator<Item = (&'static str, Value)> {
    optional.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

pub(super) fn datetime(time: DateTime<Utc>) -> Result<Value, Denial> {
    let text = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    Extension::Datetime.of(&text).ok_or_else(|| internal(()))
}

pub(super) fn core(uid: &EntityUid) -> EntityUID {
    uid.clone().into()
}

/// The error itself repeats values, which may be arguments that the inventory redacts.
pub(super) fn internal<E>(_: E) -> Denial {
    let detail = Some("the call does not fit the bundle's schema".to_owned());
    Denial { detail, ..Denial::because(Reason::Internal) }
}
