//! The Cedar request of one call, built value by value.
//!
//! The caller's JSON never becomes Cedar JSON: there, `{"__entity": …}` would let a caller spell
//! an entity. Arguments arrive here as typed expressions.

use std::collections::HashSet;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityUid, Request, RestrictedExpression as Expression,
};
use chrono::{DateTime, SecondsFormat, Utc};

use super::Denial;
use crate::bundle::Bundle;
use crate::identity::{Actor, Identity, Token};
use crate::json::Object;
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
    entities: Entities,
}

impl Question {
    /// Puts a call into Cedar's terms.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidArguments`] if the arguments do not fit the tool, [`Reason::UnknownResource`]
    /// if they name a resource that the bundle must know and does not, [`Reason::Internal`] if the
    /// request does not fit the bundle's schema, which loading the bundle rules out.
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
        let principal = identity.principal.entity.clone();
        let context = Context::from_pairs(pairs).map_err(internal)?;
        let request = Request::new(
            principal.uid(),
            uid("Action", tool.qualified_name())?,
            resource(bundle, tool, arguments)?,
            context,
            Some(bundle.schema()),
        )
        .map_err(internal)?;
        Ok(Self { request, entities: entities(bundle, principal)? })
    }

    /// The Cedar request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The entities it is evaluated against.
    pub fn entities(&self) -> &Entities {
        &self.entities
    }
}

/// What the call is about: the server, or the entity that its arguments name.
fn resource(
    bundle: &Bundle,
    tool: &Tool,
    arguments: Option<&Object<'_>>,
) -> Result<EntityUid, Denial> {
    let Some(mark) = &tool.marks().resource else { return uid(SERVER, tool.server()) };
    let entity = tool.resource(arguments).ok_or_else(|| internal(()))?;
    let known = bundle.entities().get(&entity).is_some();
    if known || mark.unknown == UnknownResource::Evaluate {
        return Ok(entity);
    }
    Err(Denial {
        advice: Some(format!("argument `{}` names nothing that is known here", mark.argument)),
        detail: Some(format!("`{}` names no `{}` of the bundle", mark.argument, mark.entity_type)),
        ..Denial::because(Reason::UnknownResource)
    })
}

/// The bundle's entities and the principal. A workload that stands among them is what the bundle
/// says it is: replacing it would take away the groups that a `forbid` looks for.
fn entities(bundle: &Bundle, principal: Entity) -> Result<Entities, Denial> {
    let entities = bundle.entities().clone();
    if entities.get(&principal.uid()).is_some() {
        return Ok(entities);
    }
    entities.add_entities([principal], None).map_err(internal)
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
