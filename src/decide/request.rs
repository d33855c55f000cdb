//! The Cedar request of one call, built value by value.
//!
//! The caller's JSON never becomes Cedar JSON: there, `{"__entity": …}` would let a caller spell
//! an entity. Arguments arrive here as typed expressions.

#[cfg(feature = "cli")]
use std::cell::OnceCell;
use std::collections::HashSet;
use std::rc::Rc;

use cedar_policy::{Context, EntityId, EntityUid, Request, RestrictedExpression as Expression};
use cedar_policy_core::ast::{self, EntityUIDEntry};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use chrono::{DateTime, SecondsFormat, Utc};

use super::Denial;
use crate::bundle::{Bundle, Resident, World};
use crate::identity::{Actor, Identity, Token};
use crate::json::Object;
use crate::policy::{Keys, Rule};
use crate::reason::Reason;
use crate::tool::{SERVER, Tool, UnknownResource};

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
    pub source_ip: Option<std::net::IpAddr>,
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
    principal: Resident,
    keys: Keys,
    /// All entities, for those who look at one call at leisure.
    #[cfg(feature = "cli")]
    entities: OnceCell<cedar_policy::Entities>,
}

impl Question {
    /// Puts a call into Cedar's terms.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidArguments`] if the arguments do not fit the tool, [`Reason::UnknownResource`]
    /// if they name a resource that the bundle must know and does not, [`Reason::Internal`] if the
    /// principal is in itself.
    pub fn new(
        bundle: &Bundle,
        tool: &Tool,
        arguments: Option<&Object<'_>>,
        identity: &Identity,
        facts: &Facts,
    ) -> Result<Self, Denial> {
        let input = tool.arguments(arguments).map_err(|error| Denial {
            advice: Some(error.to_string()),
            detail: Some(error.for_record()),
            ..Denial::because(Reason::InvalidArguments)
        })?;
        let context = context(input, identity, facts)?;
        let principal = identity.principal.entity.uid();
        let action = uid("Action", tool.qualified_name())?;
        let resource = resource(bundle, tool, arguments)?;
        // Loading the bundle made sure that every call of the tool fits the schema.
        let schema = cfg!(debug_assertions).then(|| bundle.schema());
        let request =
            Request::new(principal, action, resource, context, schema).map_err(internal)?;
        let world = Rc::clone(bundle.world());
        let principal =
            world.admit(identity.principal.entity.as_ref()).ok_or_else(|| internal(()))?;
        let keys = keys(&world, &principal, request.as_ref());
        Ok(Self {
            request,
            world,
            principal,
            keys,
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
    ) -> Entities {
        let request: &ast::Request = self.request.as_ref();
        let parts = [request.action(), request.resource()].map(EntityUIDEntry::uid);
        let spoken_of = match request.context() {
            Some(ast::Context::Value(context)) => {
                context.values().flat_map(ast::Value::all_literal_uids).collect::<Vec<_>>()
            }
            // Nothing in a request is unknown.
            Some(ast::Context::RestrictedResidual(_)) | None => Vec::new(),
        };
        let named = rules.flat_map(|rule| &rule.entities);
        let from = parts.into_iter().flatten().chain(&spoken_of).chain(named);
        self.world.reachable(&self.principal, from)
    }

    /// What evaluates policies about the call.
    pub(super) fn evaluator<'a>(&self, entities: &'a Entities) -> Evaluator<'a> {
        let request: &ast::Request = self.request.as_ref();
        Evaluator::new(request.clone(), entities, Extensions::all_available())
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

fn context(input: Expression, identity: &Identity, facts: &Facts) -> Result<Context, Denial> {
    let mut pairs = vec![
        ("input".to_owned(), input),
        ("delegation".to_owned(), delegation(identity.actor.as_ref())),
        ("request".to_owned(), observed(facts)),
    ];
    if let Some(actor) = &identity.actor {
        pairs.push(("actor".to_owned(), Expression::new_entity_uid(actor.uid.clone())));
    }
    if let Some(token) = &identity.token {
        pairs.push(("token".to_owned(), claims(token)));
    }
    Context::from_pairs(pairs).map_err(internal)
}

/// What the call is about: the server, or the entity that its arguments name.
fn resource(
    bundle: &Bundle,
    tool: &Tool,
    arguments: Option<&Object<'_>>,
) -> Result<EntityUid, Denial> {
    let Some(mark) = &tool.marks().resource else { return uid(SERVER, tool.server()) };
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

fn delegation(actor: Option<&Actor>) -> Expression {
    let none = HashSet::new();
    let (depth, agents) = actor.map_or((0, &none), |actor| (actor.chain.len(), &actor.agents));
    record([
        ("depth", Expression::new_long(i64::try_from(depth).unwrap_or(i64::MAX))),
        ("agents", Expression::new_set(agents.iter().cloned().map(Expression::new_entity_uid))),
    ])
}

fn claims(token: &Token) -> Expression {
    let scopes = token.scopes.iter().cloned().map(Expression::new_string);
    let optional = [
        ("issuer", token.issuer.clone().map(Expression::new_string)),
        ("txn", token.txn.clone().map(Expression::new_string)),
        ("expires", token.expires.and_then(|at| DateTime::from_timestamp(at, 0)).map(datetime)),
    ];
    record(std::iter::once(("scopes", Expression::new_set(scopes))).chain(present(optional)))
}

fn observed(facts: &Facts) -> Expression {
    let always = [
        ("time", datetime(facts.time)),
        ("method", Expression::new_string(facts.method.clone())),
        ("path", Expression::new_string(facts.path.clone())),
        ("environment", Expression::new_string(facts.environment.clone())),
    ];
    let optional = [
        ("source_ip", facts.source_ip.map(|ip| Expression::new_ip(ip.to_string()))),
        ("trace_id", facts.trace_id.clone().map(Expression::new_string)),
    ];
    record(always.into_iter().chain(present(optional)))
}

fn present<const N: usize>(
    optional: [(&'static str, Option<Expression>); N],
) -> impl Iterator<Item = (&'static str, Expression)> {
    optional.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// A record of distinct names; a name that stood twice would make the expression one that errs,
/// and so a denial.
fn record(fields: impl IntoIterator<Item = (&'static str, Expression)>) -> Expression {
    Expression::new_record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)))
        .unwrap_or_else(|_| Expression::new_set([]))
}

fn datetime(time: DateTime<Utc>) -> Expression {
    Expression::new_datetime(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn uid(entity_type: &str, id: &str) -> Result<EntityUid, Denial> {
    let name = entity_type.parse().map_err(internal)?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

/// The error itself repeats values, which may be arguments that the inventory redacts.
fn internal<E>(_: E) -> Denial {
    let detail = Some("the call does not fit the bundle's schema".to_owned());
    Denial { detail, ..Denial::because(Reason::Internal) }
}
