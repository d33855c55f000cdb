//! The agents that a token names: nested `act` claims (RFC 8693 §4.1), and who may act (§4.4).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Form, IdentityError, claims};

/// One agent that acts, or has acted, for the principal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hop {
    /// The agent's id.
    pub(super) id: String,
    /// What it is, such as `ai_agent`.
    pub(super) profiles: BTreeSet<String>,
    /// The id as the token or certificate has it.
    sub: String,
    issuer: Option<String>,
}

impl Hop {
    /// An agent with this id.
    pub(super) fn new(id: &str) -> Self {
        let (id, sub) = (id.to_owned(), id.to_owned());
        Self { id, sub, issuer: None, profiles: BTreeSet::new() }
    }

    /// An agent that a claim of a token names, and so the token's issuer.
    pub(super) fn by_claim(
        sub: &str,
        token: &Value,
        is_qualified: bool,
    ) -> Result<Self, IdentityError> {
        let issuer = if is_qualified { Some(claims::issuer(token)?) } else { None };
        let id = match issuer {
            Some(issuer) => qualified(issuer, sub, "iss")?,
            None => sub.to_owned(),
        };
        let issuer = token.get("iss").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { id, issuer, ..Self::new(sub) })
    }

    fn of(members: &Map<String, Value>, is_qualified: bool) -> Result<Self, IdentityError> {
        let sub = member(members, ["act", "sub"])?;
        let sub = sub.ok_or_else(|| ill_typed(["act", "sub"], TEXT))?;
        let issuer = member(members, ["act", "iss"])?;
        let id = match issuer {
            Some(issuer) if is_qualified => qualified(issuer, sub, "act.iss")?,
            None if is_qualified => {
                return Err(IdentityError::MissingClaim { claim: "act.iss".to_owned() });
            }
            Some(_) | None => sub.to_owned(),
        };
        let profiles = claims::present(members, "sub_profile");
        let profiles = profiles.map_or(Some(BTreeSet::new()), claims::profiles);
        let expected = Form::Words.expected();
        let profiles = profiles.ok_or_else(|| ill_typed(["act", "sub_profile"], expected))?;
        Ok(Self { id, sub: sub.to_owned(), issuer: issuer.map(str::to_owned), profiles })
    }
}

const TEXT: &str = "a non-empty string";

/// The agents in nested `act` claims, current one first.
pub(super) fn chain(
    token: &Value,
    max_depth: u16,
    is_qualified: bool,
) -> Result<Vec<Hop>, IdentityError> {
    let mut chain = Vec::new();
    let mut next = token.get("act").filter(|value| !value.is_null());
    while let Some(act) = next {
        if chain.len() >= usize::from(max_depth) {
            return Err(IdentityError::ChainTooLong { max: max_depth });
        }
        let members = act
            .as_object()
            .ok_or(IdentityError::IllTyped { claim: "act".to_owned(), expected: "an object" })?;
        chain.push(Hop::of(members, is_qualified)?);
        next = claims::present(members, "act");
    }
    Ok(chain)
}

/// The `act` claim of these agents, which are those that a record or a proof has.
pub fn act<'a>(
    chain: impl DoubleEndedIterator<Item = (&'a str, Vec<&'a str>)>,
    is_qualified: bool,
) -> Value {
    chain.rev().fold(Value::Null, |earlier, (id, profiles)| {
        let parts = id.split_once('|').filter(|_| is_qualified);
        let (issuer, sub) = parts.map_or((None, id), |(issuer, sub)| (Some(issuer), sub));
        let profiles = (!profiles.is_empty()).then(|| Form::Words.write(&profiles));
        json!({ "sub": sub, "iss": issuer, "sub_profile": profiles, "act": earlier })
    })
}

/// Refuses an agent that a token's `may_act` does not name. Without this claim, any agent may act.
pub(super) fn may_act(token: &Value, current: &Hop) -> Result<(), IdentityError> {
    let named = match token.get("may_act") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let mut is_named = false;
    for each in named {
        let members = each.as_object().ok_or_else(|| IdentityError::IllTyped {
            claim: "may_act".to_owned(),
            expected: "an object or an array of objects",
        })?;
        let sub = member(members, ["may_act", "sub"])?;
        let sub = sub.ok_or_else(|| ill_typed(["may_act", "sub"], TEXT))?;
        let issuer = member(members, ["may_act", "iss"])?;
        let same = issuer.zip(current.issuer.as_deref()).is_none_or(|(one, other)| one == other);
        is_named |= sub == current.sub && same;
    }
    if is_named { Ok(()) } else { Err(IdentityError::MayNotAct) }
}

/// The id of an agent of an issuer. With a bar in the issuer, two agents could have one id.
fn qualified(issuer: &str, sub: &str, claim: &str) -> Result<String, IdentityError> {
    if issuer.contains('|') {
        let (claim, expected) = (claim.to_owned(), "an issuer without `|`");
        return Err(IdentityError::IllTyped { claim, expected });
    }
    Ok(format!("{issuer}|{sub}"))
}

/// A member of a claim that must be a non-empty string if it is present.
fn member<'a>(
    members: &'a Map<String, Value>,
    [claim, name]: [&str; 2],
) -> Result<Option<&'a str>, IdentityError> {
    let Some(value) = claims::present(members, name) else { return Ok(None) };
    claims::as_text(value).map(Some).ok_or_else(|| ill_typed([claim, name], TEXT))
}

fn ill_typed([claim, name]: [&str; 2], expected: &'static str) -> IdentityError {
    IdentityError::IllTyped { claim: format!("{claim}.{name}"), expected }
}
