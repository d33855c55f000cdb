//! Capabilities: tokens that limit what their bearer calls, such as transaction tokens
//! (draft-ietf-oauth-transaction-tokens) and tokens for one task.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;
use serde_json::Value;

use super::{
    Actor, Attested, CapabilityError, CapabilityMapping, IdentityError, IdentityMapping, Token,
    claims, delegation,
};
use crate::digest::Digest;
use crate::head::{FieldError, Head};
use crate::json::REDACTED;
use crate::policy::value::Value as CedarValue;

/// How far the clocks of an issuer and of the gate may be apart, in seconds: as in `jwt_authn`.
const LEEWAY: i64 = 60;

/// The capabilities of a caller.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    /// Those that the request carries, in the order of the bundle.
    pub presented: Vec<Capability>,
    /// What every call needs and the request does not carry, such as `txn` in the header `txn-token`.
    pub missing: Option<String>,
}

/// What one token lets its bearer call. Every limit that it has must admit a call.
#[derive(Clone, Debug)]
pub struct Capability {
    /// The name of the token.
    pub name: String,
    /// Its registered claims.
    pub token: Token,
    /// `exp`, in seconds since the epoch.
    pub expires: i64,
    /// The scopes that it has, if it is limited by them.
    pub scopes: Option<BTreeSet<String>>,
    /// The tools that it is for, if it is limited to some.
    pub tools: Option<BTreeSet<String>>,
    /// The resources that it is for, if it is limited to some.
    pub resources: Option<BTreeSet<EntityUid>>,
    /// Further claims, for policies.
    pub attributes: Vec<(String, CedarValue)>,
    /// The same claims, redacted for records.
    pub shown: BTreeMap<String, Value>,
    not_before: Option<i64>,
}

/// Whom a capability must be about.
pub(super) struct Bearer<'a> {
    /// The name of the token that names the principal.
    pub(super) token: Option<&'a str>,
    /// The principal's id as that token or the certificate has it.
    pub(super) id: &'a str,
    pub(super) tenant: Option<&'a str>,
    pub(super) txn: Option<&'a str>,
    pub(super) actor: Option<&'a Actor>,
}

/// The capabilities that a request carries.
pub(super) fn of(
    mapping: &IdentityMapping,
    attested: &Attested,
    bearer: &Bearer<'_>,
) -> Result<Capabilities, IdentityError> {
    let mut capabilities = Capabilities::default();
    for each in &mapping.capabilities {
        if let Some(why) = each.failure(attested) {
            return Err(each.refuse(why));
        }
        let Some(claims) = attested.tokens.get(&each.token) else {
            if !each.optional {
                capabilities.missing.get_or_insert_with(|| each.missing());
            }
            continue;
        };
        let renamed = current(claims);
        let read = each.read(claims, &renamed).map_err(|error| each.of_claim(error))?;
        each.check_bearer(&renamed, bearer, mapping).map_err(|error| each.of_claim(error))?;
        let txn = capabilities.txn().or(bearer.txn);
        if txn.zip(read.token.txn.as_deref()).is_some_and(|(one, other)| one != other) {
            return Err(each.refuse(CapabilityError::Transaction));
        }
        capabilities.presented.push(read);
    }
    Ok(capabilities)
}

/// Refuses a request in whose headers a capability stands that the proxy did not verify, or that
/// stands there several times. The headers are not decoded.
///
/// # Errors
///
/// [`IdentityError::Capability`]
pub fn check_headers(
    mapping: &IdentityMapping,
    capabilities: &Capabilities,
    head: &Head,
) -> Result<(), IdentityError> {
    for each in &mapping.capabilities {
        let Some(header) = &each.header else { continue };
        let is_verified = capabilities.presented.iter().any(|it| it.name == each.token);
        let error = match head.one(header) {
            Ok(None) => continue,
            Ok(Some(_)) if is_verified => continue,
            Ok(Some(_)) => CapabilityError::Unverified("no claims of it are known".to_owned()),
            Err(FieldError::Repeated(_)) => CapabilityError::Repeated,
            Err(error) => CapabilityError::Unverified(error.to_string()),
        };
        return Err(each.refuse(error));
    }
    Ok(())
}

impl Capabilities {
    /// The transaction that they are for.
    fn txn(&self) -> Option<&str> {
        self.presented.iter().find_map(|each| each.token.txn.as_deref())
    }

    /// Refuses capabilities that are not valid at a time in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Capability`]
    pub fn valid_at(&self, now: i64) -> Result<(), IdentityError> {
        for each in &self.presented {
            let error = if now >= each.expires.saturating_add(LEEWAY) {
                CapabilityError::Expired
            } else if each.not_before.is_some_and(|begin| now.saturating_add(LEEWAY) < begin) {
                CapabilityError::NotYetValid
            } else {
                continue;
            };
            return Err(IdentityError::Capability { token: each.name.clone(), error });
        }
        Ok(())
    }
}

impl CapabilityMapping {
    fn refuse(&self, error: CapabilityError) -> IdentityError {
        IdentityError::Capability { token: self.token.clone(), error }
    }

    /// Why the proxy did not verify the token, as `jwt_authn` tells it with
    /// `failed_status_in_metadata`.
    fn failure(&self, attested: &Attested) -> Option<CapabilityError> {
        let status = attested.tokens.get(&self.failure_name())?;
        let message = status.get("message").and_then(Value::as_str).unwrap_or_default();
        Some(match message {
            "Jwt is missing" => return None,
            "Jwt is expired" => CapabilityError::Expired,
            "Jwt not yet valid" => CapabilityError::NotYetValid,
            "Audiences in Jwt are not allowed" => CapabilityError::Audience,
            _ => CapabilityError::Unverified(message.to_owned()),
        })
    }

    /// The error about a claim, as one about the capability.
    fn of_claim(&self, error: IdentityError) -> IdentityError {
        if let IdentityError::Capability { .. } = error {
            return error;
        }
        self.refuse(CapabilityError::Malformed(error.to_string()))
    }

    fn missing(&self) -> String {
        let header = self.header.iter().map(|header| format!(" in the header `{header}`"));
        std::iter::once(format!("`{}`", self.token)).chain(header).collect()
    }

    fn read(&self, given: &Value, claims: &Value) -> Result<Capability, IdentityError> {
        let token =
            Token { claims_digest: Digest::of(given), ..claims::token(&self.token, claims)? };
        let expires = token.expires;
        let expires =
            expires.ok_or_else(|| IdentityError::MissingClaim { claim: "exp".to_owned() })?;
        let mut attributes = Vec::with_capacity(self.attributes.len());
        let mut shown = BTreeMap::new();
        for (name, attribute) in &self.attributes {
            if let Some((value, written)) = claims::attribute(claims, attribute)? {
                attributes.push((name.clone(), value));
                let written = if attribute.redact { REDACTED.into() } else { written };
                shown.insert(name.clone(), written);
            }
        }
        Ok(Capability {
            name: self.token.clone(),
            not_before: claims::not_before(claims)?,
            scopes: match &self.scopes {
                Some(path) => Some(claims::words(claims, path)?),
                None => None,
            },
            tools: match &self.tools {
                Some(tools) => {
                    let names = claims::texts(claims, tools.claim(), tools.form(), false)?;
                    Some(names.into_iter().map(str::to_owned).collect())
                }
                None => None,
            },
            resources: self.granted(claims)?,
            token,
            expires,
            attributes,
            shown,
        })
    }

    fn granted(&self, claims: &Value) -> Result<Option<BTreeSet<EntityUid>>, IdentityError> {
        let mut granted = BTreeSet::new();
        for each in &self.resources {
            for id in claims::texts(claims, &each.claim, each.form, each.optional)? {
                granted.insert(each.entity_type.uid(id));
            }
        }
        Ok((!self.resources.is_empty()).then_some(granted))
    }

    /// Checks that the token is for this gate, and about the principal, the actor and the tenant of the
    /// request.
    fn check_bearer(
        &self,
        claims: &Value,
        bearer: &Bearer<'_>,
        mapping: &IdentityMapping,
    ) -> Result<(), IdentityError> {
        if let Some(wanted) = &self.audience {
            let is_wanted = |audience: &Value| audience.as_str() == Some(wanted);
            let found = match claims.get("aud") {
                Some(Value::Array(several)) => several.iter().any(is_wanted),
                Some(one) => is_wanted(one),
                None => false,
            };
            if !found {
                return Err(self.refuse(CapabilityError::Audience));
            }
        }
        self.require.iter().try_for_each(|requirement| claims::require(claims, requirement))?;
        // The token that names the principal is about nobody else.
        if bearer.token == Some(self.token.as_str()) {
            return Ok(());
        }
        let is_beside = |token: &str| self.beside.iter().any(|name| name == token);
        let is_strange = !self.beside.is_empty() && !bearer.token.is_some_and(is_beside);
        if is_strange || claims::text(claims, &self.subject)? != bearer.id {
            return Err(self.refuse(CapabilityError::Subject));
        }
        if let Some(path) = &self.tenant
            && Some(claims::text(claims, path)?) != bearer.tenant
        {
            return Err(self.refuse(CapabilityError::Tenant));
        }
        let actor = &mapping.actor;
        let chain = delegation::chain(claims, actor.max_depth, actor.qualify_by_issuer)?;
        let current = bearer.actor.map(|actor| actor.id.as_str());
        if chain.first().is_some_and(|named| Some(named.id.as_str()) != current) {
            return Err(self.refuse(CapabilityError::Actor));
        }
        Ok(())
    }
}

/// The claims by their current names: transaction tokens had other ones in earlier drafts.
fn current(claims: &Value) -> Value {
    let mut claims = claims.clone();
    if let Some(members) = claims.as_object_mut() {
        for (name, earlier) in [("tctx", "azd"), ("rctx", "req_ctx"), ("scope", "purp")] {
            if members.get(name).is_none_or(Value::is_null)
                && let Some(value) = members.get(earlier).cloned()
            {
                members.insert(name.to_owned(), value);
            }
        }
    }
    claims
}
