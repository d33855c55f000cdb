//! The sender's part of a Cedar request, which is the same for all calls of one sender.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::{Entity, EntityId, EntityUid};
use cedar_policy_core::ast::EntityUID;
use chrono::{DateTime, Utc};

use super::delegation::delegation;
use crate::bundle::Bundle;
use crate::identity::{Actor, Capabilities, Capability, Identity, IdentityMode, Token};
use crate::policy::value::{self, Value};
use crate::policy::{CAPABILITIES, PrincipalEntity};

/// A sender as an entity of one bundle.
#[derive(Debug)]
pub struct Caller {
    pub(crate) principal: PrincipalEntity,
    /// The members of `context` that describe the sender.
    pub(crate) context: Vec<(&'static str, Value)>,
    /// The agents that need a right by themselves, each as the principal of the same calls.
    pub(crate) agents: Vec<Arc<Caller>>,
    /// What limits its calls, whatever policies permit.
    pub(crate) limits: CallLimits,
}

/// What limits the calls of a caller, whatever policies permit.
#[derive(Debug, Default)]
pub(crate) struct CallLimits {
    /// The scopes that the tools it calls may have; `None` if they are not asked of it.
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) capabilities: Capabilities,
}

impl Caller {
    /// Adds a sender to the entities of a bundle; `None` if the principal would be its own
    /// ancestor, or if its token expires at a time that Cedar cannot represent.
    pub fn new(bundle: &Bundle, identity: &Identity) -> Option<Self> {
        let principal = bundle.entity_store().admit(identity.principal.entity.as_ref())?;
        let mut context = vec![("delegation", delegation(bundle, identity.actor.as_ref()))];
        if let Some(actor) = &identity.actor {
            context.push(("actor", Value::from(core(&actor.uid))));
        }
        if let Some(token) = &identity.token {
            context.push(("token", claims(token)?));
        }
        if !bundle.identity.capabilities.is_empty() {
            context.push((CAPABILITIES, capabilities(&identity.capabilities)?));
        }
        let intersects = bundle.identity.mode == IdentityMode::Intersection;
        let actor = identity.actor.as_ref().filter(|_| intersects);
        let agents = actor.map_or(Some(Vec::new()), |actor| agents(bundle, actor, &context))?;
        let (scopes, capabilities) = (identity.scopes.clone(), identity.capabilities.clone());
        Some(Self { principal, context, agents, limits: CallLimits { scopes, capabilities } })
    }

    /// The same sender with one more member of `context`, for its agents too.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &Value) -> Self {
        for agent in self.agents.iter_mut().filter_map(Arc::get_mut) {
            agent.context.push((name, value.clone()));
        }
        self.context.push((name, value.clone()));
        self
    }

    /// Creates a caller without limits from Cedar values.
    #[doc(hidden)]
    pub fn of_parts(principal: PrincipalEntity, context: Vec<(&'static str, Value)>) -> Self {
        Self { principal, context, agents: Vec::new(), limits: CallLimits::default() }
    }
}

/// Every agent of a delegation as a principal: an entity of the bundle, or one without parents. The
/// current one is first.
fn agents(
    bundle: &Bundle,
    actor: &Actor,
    context: &[(&'static str, Value)],
) -> Option<Vec<Arc<Caller>>> {
    let mut known = HashSet::new();
    let chain = actor.chain.iter().filter(|id| known.insert(id.as_str()));
    let agent = |id: &String| {
        let uid =
            EntityUid::from_type_name_and_id(actor.uid.type_name().clone(), EntityId::new(id));
        let entity = Entity::new_no_attrs(uid, HashSet::new());
        let principal = bundle.entity_store().admit(entity.as_ref())?;
        Some(Arc::new(Caller::of_parts(principal, context.to_vec())))
    };
    chain.map(agent).collect()
}

fn claims(token: &Token) -> Option<Value> {
    let mut members = vec![
        ("scopes", words(&token.scopes)),
        ("profiles", words(&token.profiles)),
        ("client_profiles", words(&token.client_profiles)),
    ];
    let texts = [("issuer", &token.issuer), ("txn", &token.txn)];
    let present = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
    members.extend(present.map(|(name, text)| (name, Value::from(text))));
    if let Some(expires) = expires(token) {
        members.push(("expires", value::datetime(expires)?));
    }
    Some(value::record(members))
}

/// The value of `context.capabilities`; `None` if one expires at a time that Cedar cannot represent.
fn capabilities(capabilities: &Capabilities) -> Option<Value> {
    fn each(capability: &Capability) -> Option<(&str, Value)> {
        let mut members: Vec<(&str, Value)> = Vec::new();
        if let Some(scopes) = &capability.scopes {
            members.push(("scopes", words(scopes)));
        }
        if let Some(txn) = capability.token.txn.as_deref() {
            members.push(("txn", Value::from(txn)));
        }
        if let Some(expires) = expires(&capability.token) {
            members.push(("expires", value::datetime(expires)?));
        }
        let further = capability.attributes.iter();
        members.extend(further.map(|(name, value)| (name.as_str(), value.clone())));
        Some((capability.name.as_str(), value::record(members)))
    }
    let presented: Option<Vec<_>> = capabilities.presented.iter().map(each).collect();
    Some(value::record(presented?))
}

fn words<'a>(words: impl IntoIterator<Item = &'a String>) -> Value {
    value::set(words.into_iter().map(|word| Value::from(word.as_str())))
}

fn expires(token: &Token) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(token.expires?, 0)
}

fn core(uid: &EntityUid) -> EntityUID {
    uid.clone().into()
}
