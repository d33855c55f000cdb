//! Who calls, by the claims that Envoy has verified.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression};
use envoy_types::pb::envoy::config::core::v3::Metadata;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};

use super::bundle::{Bundle, uid};

const JWT: &str = "envoy.filters.http.jwt_authn";
const TOKEN: &str = "session";
/// Beyond so many principals, the sidecar starts to remember anew.
const MOST_SEEN: usize = 10_000;

pub(crate) struct Caller<'a> {
    subject: &'a str,
    tenant: &'a str,
    roles: Vec<&'a str>,
    actor: &'a str,
}

impl<'a> Caller<'a> {
    pub(crate) fn read(metadata: Option<&'a Metadata>) -> anyhow::Result<Self> {
        let metadata = metadata.context("no metadata")?;
        let claims = metadata.filter_metadata.get(JWT).and_then(|claims| member(claims, TOKEN));
        let claims = claims.context("no token")?;
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

    pub(crate) fn principal(&self) -> anyhow::Result<EntityUid> {
        uid("User", self.subject)
    }

    pub(crate) fn actor(&self) -> anyhow::Result<EntityUid> {
        uid("Agent", self.actor)
    }

    /// The entities of the bundle and the caller among them.
    pub(crate) fn entities(&self, bundle: &Bundle) -> anyhow::Result<Arc<Entities>> {
        let key = format!("{:?}", (self.subject, self.tenant, &self.roles));
        let Ok(mut seen) = bundle.seen.lock() else { bail!("a thread has panicked") };
        if let Some(entities) = seen.get(&key) {
            return Ok(Arc::clone(entities));
        }
        let entities = Arc::new(bundle.entities.clone().add_entities([self.entity()?], None)?);
        if seen.len() == MOST_SEEN {
            seen.clear();
        }
        seen.insert(key, Arc::clone(&entities));
        Ok(entities)
    }

    fn entity(&self) -> anyhow::Result<Entity> {
        let tenant = RestrictedExpression::new_string(self.tenant.to_owned());
        let attributes = HashMap::from([("tenant".to_owned(), tenant)]);
        let parents: HashSet<EntityUid> =
            self.roles.iter().map(|role| uid("Role", role)).collect::<Result<_, _>>()?;
        Ok(Entity::new(self.principal()?, attributes, parents)?)
    }
}

/// The member of a structure.
pub(crate) fn member<'a>(object: &'a Struct, name: &str) -> Option<&'a Value> {
    object.fields.get(name)
}

/// The text that a value is.
pub(crate) fn string(value: &Value) -> anyhow::Result<&str> {
    match &value.kind {
        Some(Kind::StringValue(text)) => Ok(text),
        _ => bail!("a value that is no text"),
    }
}

fn text<'a>(object: &'a Struct, name: &str) -> anyhow::Result<&'a str> {
    string(member(object, name).with_context(|| format!("no `{name}`"))?)
}
