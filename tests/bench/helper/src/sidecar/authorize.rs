//! One question of Envoy → one question to Cedar's authorizer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    RestrictedExpression,
};
use envoy_types::ext_authz::v3::pb::CheckRequest;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use serde::Deserialize;

use super::bundle::{Argument, Bundle, Tool, uid};

const JWT: &str = "envoy.filters.http.jwt_authn";
const TOKEN: &str = "session";
/// Beyond so many principals, the sidecar starts to remember anew.
const MOST_SEEN: usize = 10_000;

#[derive(Deserialize)]
struct Message {
    method: String,
    params: Params,
}

#[derive(Deserialize)]
struct Params {
    name: String,
    arguments: HashMap<String, serde_json::Value>,
}

/// Who calls, by the claims that Envoy has verified.
struct Caller<'a> {
    subject: &'a str,
    tenant: &'a str,
    roles: Vec<&'a str>,
    actor: &'a str,
}

/// Whether the policies permit the call.
pub(crate) fn permitted(bundle: &Bundle, check: &CheckRequest) -> anyhow::Result<bool> {
    let attributes = check.attributes.as_ref().context("no attributes")?;
    let http = attributes.request.as_ref().and_then(|request| request.http.as_ref());
    let http = http.context("no request")?;
    let metadata = attributes.metadata_context.as_ref().context("no metadata")?;
    let claims = metadata.filter_metadata.get(JWT).and_then(|claims| member(claims, TOKEN));
    let caller = Caller::read(claims.context("no token")?)?;

    let message: Message = serde_json::from_slice(&http.raw_body)?;
    if message.method != "tools/call" {
        bail!("not a call");
    }
    let server = bundle.channels.get(&http.path).context("no such channel")?;
    let qualified = format!("{server}/{}", message.params.name);
    let tool = bundle.tools.get(&qualified).context("no such tool")?;

    let principal = uid("User", caller.subject)?;
    let resource = resource(tool, &message.params.arguments)?;
    let context = context(tool, message.params.arguments, &caller)?;
    let request = Request::new(principal, tool.action.clone(), resource, context, None)?;
    let entities = entities(bundle, &caller)?;
    let response = Authorizer::new().is_authorized(&request, &bundle.policies, &entities);
    let failed = response.diagnostics().errors().next().is_some();
    Ok(response.decision() == Decision::Allow && !failed)
}

impl<'a> Caller<'a> {
    fn read(claims: &'a Value) -> anyhow::Result<Self> {
        let Some(Kind::StructValue(claims)) = &claims.kind else { bail!("claims are no object") };
        let act = member(claims, "act").context("no actor")?;
        let Some(Kind::StructValue(act)) = &act.kind else { bail!("the actor is no object") };
        let roles = member(claims, "roles").context("no roles")?;
        let Some(Kind::ListValue(roles)) = &roles.kind else { bail!("the roles are no list") };
        Ok(Self {
            subject: text(claims, "sub")?,
            tenant: text(claims, "tenant")?,
            roles: roles.values.iter().map(string).collect::<Result<_, _>>()?,
            actor: text(act, "sub")?,
        })
    }

    fn entity(&self) -> anyhow::Result<Entity> {
        let tenant = RestrictedExpression::new_string(self.tenant.to_owned());
        let attributes = HashMap::from([("tenant".to_owned(), tenant)]);
        let parents: HashSet<EntityUid> =
            self.roles.iter().map(|role| uid("Role", role)).collect::<Result<_, _>>()?;
        Ok(Entity::new(uid("User", self.subject)?, attributes, parents)?)
    }
}

/// The entities of the bundle and the caller among them.
fn entities(bundle: &Bundle, caller: &Caller<'_>) -> anyhow::Result<Arc<Entities>> {
    let key = format!("{:?}", (caller.subject, caller.tenant, &caller.roles));
    let Ok(mut seen) = bundle.seen.lock() else { bail!("a thread has panicked") };
    if let Some(entities) = seen.get(&key) {
        return Ok(Arc::clone(entities));
    }
    let entities = Arc::new(bundle.entities.clone().add_entities([caller.entity()?], None)?);
    if seen.len() == MOST_SEEN {
        seen.clear();
    }
    seen.insert(key, Arc::clone(&entities));
    Ok(entities)
}

fn resource(
    tool: &Tool,
    arguments: &HashMap<String, serde_json::Value>,
) -> anyhow::Result<EntityUid> {
    let Some((kind, argument)) = &tool.resource else { return Ok(tool.server.clone()) };
    let id = arguments.get(argument).and_then(serde_json::Value::as_str).context("no resource")?;
    Ok(EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id)))
}

fn context(
    tool: &Tool,
    arguments: HashMap<String, serde_json::Value>,
    caller: &Caller<'_>,
) -> anyhow::Result<Context> {
    let mut input = Vec::with_capacity(arguments.len());
    for (name, value) in arguments {
        let kind = tool.arguments.get(&name).context("an argument that the tool does not have")?;
        input.push((name, kind.value(value)?));
    }
    let actor = RestrictedExpression::new_entity_uid(uid("Agent", caller.actor)?);
    let delegation = RestrictedExpression::new_record([
        ("depth".to_owned(), RestrictedExpression::new_long(1)),
        ("agents".to_owned(), RestrictedExpression::new_set([actor.clone()])),
    ])?;
    Ok(Context::from_pairs([
        ("input".to_owned(), RestrictedExpression::new_record(input)?),
        ("actor".to_owned(), actor),
        ("delegation".to_owned(), delegation),
    ])?)
}

impl Argument {
    fn value(&self, value: serde_json::Value) -> anyhow::Result<RestrictedExpression> {
        use serde_json::Value;
        Ok(match (self, value) {
            (Self::Bool, Value::Bool(value)) => RestrictedExpression::new_bool(value),
            (Self::Long, Value::Number(value)) => {
                RestrictedExpression::new_long(value.as_i64().context("not a whole number")?)
            }
            (Self::Decimal, Value::Number(value)) => {
                let value = value.as_f64().context("not a number")?;
                RestrictedExpression::new_decimal(format!("{value:.4}"))
            }
            (Self::Text, Value::String(value)) => RestrictedExpression::new_string(value),
            (Self::Choice(kind), Value::String(value)) => choice(kind, &value),
            _ => bail!("an argument of another type"),
        })
    }
}

fn choice(kind: &EntityTypeName, value: &str) -> RestrictedExpression {
    let uid = EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(value));
    RestrictedExpression::new_entity_uid(uid)
}

fn member<'a>(object: &'a Struct, name: &str) -> Option<&'a Value> {
    object.fields.get(name)
}

fn text<'a>(object: &'a Struct, name: &str) -> anyhow::Result<&'a str> {
    string(member(object, name).with_context(|| format!("no `{name}`"))?)
}

fn string(value: &Value) -> anyhow::Result<&str> {
    match &value.kind {
        Some(Kind::StringValue(text)) => Ok(text),
        _ => bail!("a claim that is no text"),
    }
}
