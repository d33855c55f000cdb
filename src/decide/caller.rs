//! Who asks, in Cedar's terms: all of a question that is the same for every call of one sender.

use chrono::DateTime;

use super::Denial;
use super::request::{core, datetime, internal, present};
use crate::bundle::{Bundle, Resident};
use crate::identity::{Actor, Identity, Token};
use crate::policy::value::{self, Value};

/// A sender among the entities of one bundle.
#[derive(Debug)]
pub struct Caller {
    pub(super) principal: Resident,
    /// What `context` says of it.
    pub(super) terms: Vec<(&'static str, Value)>,
}

impl Caller {
    /// Puts a sender among the entities of a bundle.
    ///
    /// # Errors
    ///
    /// [`Reason::Internal`](crate::reason::Reason::Internal) if the principal would be in itself.
    pub fn new(bundle: &Bundle, identity: &Identity) -> Result<Self, Denial> {
        let principal = &identity.principal.entity;
        let resident = bundle.world().admit(principal.as_ref()).ok_or_else(|| internal(()))?;
        let optional = [
            ("actor", identity.actor.as_ref().map(|actor| Value::from(core(&actor.uid)))),
            ("token", identity.token.as_ref().map(claims).transpose()?),
        ];
        let delegation = ("delegation", delegation(identity.actor.as_ref()));
        let terms = std::iter::once(delegation).chain(present(optional)).collect();
        Ok(Self { principal: resident, terms })
    }
}

fn delegation(actor: Option<&Actor>) -> Value {
    let depth = actor.map_or(0, |actor| actor.chain.len());
    let agents = actor.into_iter().flat_map(|actor| &actor.agents);
    value::record([
        ("depth", Value::from(i64::try_from(depth).unwrap_or(i64::MAX))),
        ("agents", value::set(agents.map(|agent| Value::from(core(agent))))),
    ])
}

fn claims(token: &Token) -> Result<Value, Denial> {
    let scopes = token.scopes.iter().map(|scope| Value::from(scope.as_str()));
    let expires = token.expires.and_then(|at| DateTime::from_timestamp(at, 0));
    let optional = [
        ("issuer", token.issuer.as_deref().map(Value::from)),
        ("txn", token.txn.as_deref().map(Value::from)),
        ("expires", expires.map(datetime).transpose()?),
    ];
    Ok(value::record([("scopes", value::set(scopes))].into_iter().chain(present(optional))))
}
