//! The sender's part of a Cedar request, which is the same for all calls of one sender.

use cedar_policy::EntityUid;
use cedar_policy_core::ast::EntityUID;
use chrono::DateTime;

use super::delegation::delegation;
use crate::bundle::Bundle;
use crate::identity::{Identity, Token};
use crate::policy::PrincipalEntity;
use crate::policy::value::{self, Value};

/// A sender as an entity of one bundle.
#[derive(Debug)]
pub struct Caller {
    pub(crate) principal: PrincipalEntity,
    /// The members of `context` that describe the sender.
    pub(crate) context: Vec<(&'static str, Value)>,
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
        Some(Self { principal, context })
    }

    /// Creates a caller from Cedar values, for tests.
    #[doc(hidden)]
    pub fn of_parts(principal: PrincipalEntity, context: Vec<(&'static str, Value)>) -> Self {
        Self { principal, context }
    }
}

fn claims(token: &Token) -> Option<Value> {
    fn words<'a>(words: impl IntoIterator<Item = &'a String>) -> Value {
        value::set(words.into_iter().map(|word| Value::from(word.as_str())))
    }
    let mut members = vec![
        ("scopes", words(&token.scopes)),
        ("profiles", words(&token.profiles)),
        ("client_profiles", words(&token.client_profiles)),
    ];
    let texts = [("issuer", &token.issuer), ("txn", &token.txn)];
    let present = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
    members.extend(present.map(|(name, text)| (name, Value::from(text))));
    if let Some(expires) = token.expires.and_then(|at| DateTime::from_timestamp(at, 0)) {
        members.push(("expires", value::datetime(expires)?));
    }
    Some(value::record(members))
}

fn core(uid: &EntityUid) -> EntityUID {
    uid.clone().into()
}
