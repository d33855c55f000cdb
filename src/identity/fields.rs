//! The identity in records and in the header for the upstream.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value;
use sfv::{DictSerializer, KeyRef, RefBareItem};

use super::{Actor, Principal, Token};
use crate::digest::Digest;
use crate::structured_field::text;
use crate::timestamp::timestamp;

/// The principal of a call.
#[derive(Clone, Debug, Serialize)]
pub struct PrincipalField {
    /// The Cedar entity type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The Cedar entity id.
    pub id: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// The teams.
    pub teams: Vec<String>,
    /// The parent entities from claims, such as `Role::"rep"`.
    pub parents: Vec<String>,
    /// The attributes from claims, redacted.
    pub attributes: BTreeMap<String, Value>,
    /// The Cedar entity, such as `User::"alice"`.
    #[serde(skip)]
    pub entity: String,
}

/// The actor of a call.
#[derive(Clone, Debug, Serialize)]
pub struct ActorField {
    /// The Cedar entity type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The current actor.
    pub id: String,
    /// All actors of the delegation, current one first.
    pub chain: Vec<String>,
    /// What each of them is, such as `ai_agent`.
    pub profiles: Vec<BTreeSet<String>>,
    /// The Cedar entity, such as `Agent::"support-bot"`.
    #[serde(skip)]
    pub entity: String,
}

/// Further claims of the principal's token; the encoded token is never recorded.
#[derive(Clone, Debug, Serialize)]
pub struct TokenField {
    /// The issuer.
    pub issuer: Option<String>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// What the principal is, such as `user`.
    pub profiles: BTreeSet<String>,
    /// What the client is.
    pub client_profiles: BTreeSet<String>,
    /// When it expires, RFC 3339 in UTC with milliseconds.
    pub expires: Option<String>,
    /// Its id.
    pub jti: Option<String>,
    /// SHA-256 of the canonical JSON of all its claims.
    pub claims_digest: Digest,
}

impl From<&Principal> for PrincipalField {
    fn from(principal: &Principal) -> Self {
        Self {
            type_name: principal.type_name.clone(),
            id: principal.id.clone(),
            tenant: principal.tenant.clone(),
            teams: principal.teams.iter().cloned().collect(),
            parents: principal.parents.iter().cloned().collect(),
            attributes: principal.attributes.clone(),
            entity: format!("{}::{:?}", principal.type_name, principal.id),
        }
    }
}

impl From<&Actor> for ActorField {
    fn from(actor: &Actor) -> Self {
        let type_name = actor.uid.type_name().to_string();
        Self {
            entity: format!("{type_name}::{:?}", actor.id),
            type_name,
            id: actor.id.clone(),
            chain: actor.chain.clone(),
            profiles: actor.profiles.clone(),
        }
    }
}

impl From<&Token> for TokenField {
    fn from(token: &Token) -> Self {
        let expires = token.expires.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Self {
            issuer: token.issuer.clone(),
            scopes: token.scopes.clone(),
            profiles: token.profiles.clone(),
            client_profiles: token.client_profiles.clone(),
            expires: expires.map(timestamp),
            jti: token.id.clone(),
            claims_digest: token.claims_digest.clone(),
        }
    }
}

/// The value of `toolgate-identity`: `principal="User::\"alice\"", actor="Agent::\"support-bot\""`,
/// and `tenant="acme"` if the principal has one.
pub fn header(principal: &PrincipalField, actor: Option<&ActorField>) -> String {
    let tenant = principal.tenant.as_deref();
    let mut dictionary = DictSerializer::new();
    let principal = Some(principal.entity.as_str());
    let actor = actor.map(|actor| actor.entity.as_str());
    for (key, value) in [("principal", principal), ("actor", actor), ("tenant", tenant)] {
        if let (Ok(key), Some(value)) = (KeyRef::from_str(key), value) {
            let item = text(value).unwrap_or(RefBareItem::DisplayString(value));
            dictionary.bare_item(key, item);
        }
    }
    dictionary.finish().unwrap_or_default()
}
