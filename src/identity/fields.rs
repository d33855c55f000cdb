//! The identity in records and in the header for the upstream.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value;
use sfv::{DictSerializer, KeyRef, RefBareItem};

use super::{Actor, Capability, Principal, Token};
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
    /// Its name in the bundle.
    pub name: String,
    /// The issuer.
    pub issuer: Option<String>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// What the principal is, such as `user`.
    pub profiles: BTreeSet<String>,
    /// What the client is.
    pub client_profiles: BTreeSet<String>,
    /// The transaction that it is for.
    pub txn: Option<String>,
    /// When it expires, RFC 3339 in UTC with milliseconds.
    pub expires: Option<String>,
    /// Its id.
    pub jti: Option<String>,
    /// SHA-256 of the canonical JSON of all its claims.
    pub claims_digest: Digest,
}

/// A token that limits what its bearer calls.
#[derive(Clone, Debug, Serialize)]
pub struct CapabilityField {
    /// The name of the token in the bundle.
    pub token: String,
    /// The issuer.
    pub issuer: Option<String>,
    /// Its id.
    pub jti: Option<String>,
    /// The transaction that it is for.
    pub txn: Option<String>,
    /// When it expires, RFC 3339 in UTC with milliseconds.
    pub expires: Option<String>,
    /// The scopes that it has, if it is limited by them.
    pub scopes: Option<BTreeSet<String>>,
    /// The tools that it is for, if it is limited to some.
    pub tools: Option<BTreeSet<String>>,
    /// The resources that it is for, such as `Customer::"cus_42"`, if it is limited to some.
    pub resources: Option<BTreeSet<String>>,
    /// Further claims, redacted.
    pub attributes: BTreeMap<String, Value>,
    /// SHA-256 of the canonical JSON of all its claims.
    pub claims_digest: Digest,
}

impl From<&Capability> for CapabilityField {
    fn from(capability: &Capability) -> Self {
        let resources = capability.resources.as_ref();
        let TokenField { issuer, txn, expires, jti, claims_digest, .. } =
            (&capability.token).into();
        Self {
            token: capability.name.clone(),
            issuer,
            jti,
            txn,
            expires,
            scopes: capability.scopes.clone(),
            tools: capability.tools.clone(),
            resources: resources.map(|uids| uids.iter().map(ToString::to_string).collect()),
            attributes: capability.shown.clone(),
            claims_digest,
        }
    }
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
            name: token.name.clone(),
            issuer: token.issuer.clone(),
            scopes: token.scopes.clone(),
            profiles: token.profiles.clone(),
            client_profiles: token.client_profiles.clone(),
            txn: token.txn.clone(),
            expires: expires.map(timestamp),
            jti: token.id.clone(),
            claims_digest: token.claims_digest.clone(),
        }
    }
}

/// The value of `toolgate-identity`: `principal="User::\"alice\"", actor="Agent::\"support-bot\""`,
/// with `tenant="acme"` if the principal has one, `chain=("Agent::\"support-bot\"" "Agent::\"planner\"")`
/// if there are more agents than the actor, and `txn="t-1"` if the token has one.
pub fn header(principal: &PrincipalField, actor: Option<&ActorField>, txn: Option<&str>) -> String {
    let mut dictionary = DictSerializer::new();
    let entity = actor.map(|actor| actor.entity.as_str());
    let one = |dictionary: &mut DictSerializer<String>, key: &str, value: Option<&str>| {
        if let (Ok(key), Some(value)) = (KeyRef::from_str(key), value) {
            dictionary.bare_item(key, item(value));
        }
    };
    one(&mut dictionary, "principal", Some(&principal.entity));
    one(&mut dictionary, "actor", entity);
    one(&mut dictionary, "tenant", principal.tenant.as_deref());
    let several = actor.filter(|actor| actor.chain.len() > 1);
    if let (Ok(key), Some(actor)) = (KeyRef::from_str("chain"), several) {
        let mut list = dictionary.inner_list(key);
        for id in &actor.chain {
            let entity = format!("{}::{id:?}", actor.type_name);
            list.bare_item(item(&entity));
        }
        let _ = list.finish();
    }
    one(&mut dictionary, "txn", txn);
    dictionary.finish().unwrap_or_default()
}

/// A string item, also of what is not ASCII.
fn item(value: &str) -> RefBareItem<'_> {
    text(value).unwrap_or(RefBareItem::DisplayString(value))
}

#[cfg(test)]
mod tests {
    use sfv::{BareItem, Dictionary, ListEntry, Parser};

    use super::*;

    fn actor(chain: &[&str]) -> ActorField {
        ActorField {
            profiles: Vec::new(),
            type_name: "Agent".to_owned(),
            id: chain[0].to_owned(),
            chain: chain.iter().map(|&id| id.to_owned()).collect(),
            entity: format!("Agent::{:?}", chain[0]),
        }
    }

    #[track_caller]
    fn check(chain: &[&str], txn: Option<&str>, rest: &str) {
        let principal = PrincipalField {
            type_name: "User".to_owned(),
            id: "ann".to_owned(),
            tenant: None,
            teams: Vec::new(),
            parents: Vec::new(),
            attributes: BTreeMap::new(),
            entity: r#"User::"ann""#.to_owned(),
        };
        let written = header(&principal, Some(&actor(chain)), txn);
        assert_eq!(written, format!(r#"principal="User::\"ann\"", {rest}"#));
        let read: Dictionary = Parser::new(&written).parse().unwrap();
        let text = |entry: &BareItem| {
            if let BareItem::String(text) = entry {
                return text.as_str().to_owned();
            }
            let BareItem::DisplayString(text) = entry else { panic!("{entry:?}") };
            text.clone()
        };
        let read_txn = read.get("txn").map(|entry| match entry {
            ListEntry::Item(item) => text(&item.bare_item),
            ListEntry::InnerList(_) => panic!("{entry:?}"),
        });
        assert_eq!(read_txn.as_deref(), txn);
        let ids = read.get("chain").map(|entry| match entry {
            ListEntry::InnerList(list) => {
                list.items.iter().map(|item| text(&item.bare_item)).collect()
            }
            ListEntry::Item(_) => panic!("{entry:?}"),
        });
        let all: Vec<String> = chain.iter().map(|id| format!("Agent::{id:?}")).collect();
        assert_eq!(ids, (all.len() > 1).then_some(all));
    }

    #[test]
    fn the_upstream_sees_the_chain_and_the_transaction() {
        check(&["bot"], None, r#"actor="Agent::\"bot\"""#);
        check(&["bot"], Some("t-1"), r#"actor="Agent::\"bot\"", txn="t-1""#);
        check(
            &["bot", "planner"],
            Some("a\"b\\"),
            r#"actor="Agent::\"bot\"", chain=("Agent::\"bot\"" "Agent::\"planner\""), txn="a\"b\\""#,
        );
        // Nothing in an id ends its item.
        check(
            &["a\"), txn=(\"x", "ü"],
            Some("é, principal=\"x\""),
            r#"actor="Agent::\"a\\\"), txn=(\\\"x\"", chain=("Agent::\"a\\\"), txn=(\\\"x\"" %"Agent::%22%c3%bc%22"), txn=%"%c3%a9, principal=%22x%22""#,
        );
    }
}
