//! What Cedar's authorizer is asked.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, Request,
    Response, RestrictedExpression,
};
use serde::Deserialize;

use super::bundle::{Argument, Bundle, Tool};
use super::caller::Caller;

pub(crate) const CALL: &str = "tools/call";

type Arguments = HashMap<String, serde_json::Value>;

/// A message of a client.
#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) method: String,
    #[serde(default)]
    params: Params,
}

#[derive(Default, Deserialize)]
struct Params {
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: Arguments,
}

impl Message {
    pub(crate) fn read(body: &[u8]) -> anyhow::Result<Self> {
        Ok(serde_json::from_slice(body)?)
    }
}

/// A request to Cedar, without its action.
pub(crate) struct Question {
    principal: EntityUid,
    resource: EntityUid,
    context: Context,
    entities: Arc<Entities>,
}

impl Question {
    /// The question about one call, and the tool.
    pub(crate) fn about_call<'b>(
        bundle: &'b Bundle,
        server: &str,
        message: Message,
        caller: &Caller<'_>,
    ) -> anyhow::Result<(&'b Tool, Self)> {
        let Params { name, arguments } = message.params;
        let tool = bundle.tools.get(&format!("{server}/{name}")).context("no such tool")?;
        let question = Self {
            principal: caller.principal()?,
            resource: resource(tool, &arguments)?,
            context: context(Some(input(tool, arguments)?), caller)?,
            entities: caller.entities(bundle)?,
        };
        Ok((tool, question))
    }

    /// The question about calls with any arguments, which are not known yet.
    pub(crate) fn about_any_call(
        bundle: &Bundle,
        server: EntityUid,
        caller: &Caller<'_>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            principal: caller.principal()?,
            resource: server,
            context: context(None, caller)?,
            entities: caller.entities(bundle)?,
        })
    }

    /// Whether the policies permit the action. An error refuses it.
    pub(crate) fn permits(&self, bundle: &Bundle, action: &EntityUid) -> anyhow::Result<bool> {
        let response = self.ask(bundle, action)?;
        let failed = response.diagnostics().errors().next().is_some();
        Ok(response.decision() == Decision::Allow && !failed)
    }

    /// Whether the policies that need no arguments permit the action. Conditions on arguments err,
    /// and a policy that errs does not count. That is right as long as no permit has one: finding out
    /// what others may permit would take Cedar's partial evaluation, which costs more.
    pub(crate) fn may_permit(&self, bundle: &Bundle, action: &EntityUid) -> anyhow::Result<bool> {
        Ok(self.ask(bundle, action)?.decision() == Decision::Allow)
    }

    fn ask(&self, bundle: &Bundle, action: &EntityUid) -> anyhow::Result<Response> {
        let (principal, resource) = (self.principal.clone(), self.resource.clone());
        let request =
            Request::new(principal, action.clone(), resource, self.context.clone(), None)?;
        Ok(Authorizer::new().is_authorized(&request, &bundle.policies, &self.entities))
    }
}

fn resource(tool: &Tool, arguments: &Arguments) -> anyhow::Result<EntityUid> {
    let Some((kind, argument)) = &tool.resource else { return Ok(tool.server.clone()) };
    let id = arguments.get(argument).and_then(serde_json::Value::as_str).context("no resource")?;
    Ok(EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id)))
}

fn input(tool: &Tool, arguments: Arguments) -> anyhow::Result<RestrictedExpression> {
    let mut input = Vec::with_capacity(arguments.len());
    for (name, value) in arguments {
        let kind = tool.arguments.get(&name).context("an argument that the tool does not have")?;
        input.push((name, kind.value(value)?));
    }
    Ok(RestrictedExpression::new_record(input)?)
}

fn context(input: Option<RestrictedExpression>, caller: &Caller<'_>) -> anyhow::Result<Context> {
    let actor = RestrictedExpression::new_entity_uid(caller.actor()?);
    let delegation = RestrictedExpression::new_record([
        ("depth".to_owned(), RestrictedExpression::new_long(1)),
        ("agents".to_owned(), RestrictedExpression::new_set([actor.clone()])),
    ])?;
    let input = input.map(|input| ("input".to_owned(), input));
    let others = [("actor".to_owned(), actor), ("delegation".to_owned(), delegation)];
    Ok(Context::from_pairs(input.into_iter().chain(others))?)
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
