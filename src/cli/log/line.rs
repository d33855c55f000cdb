//! Parses a line of the decision log.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;
use chrono::{DateTime, Utc};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::{Bundle, Document};
use crate::cli::input::cases::Called;
use crate::digest::Digest;
use crate::identity::{Identity, Principal};
use crate::mcp::Method;
use crate::reason::{Decision, Reason, Stage};
use crate::tool::Tool;

/// The parts of a record about the request and the decision. Unknown members are ignored: later
/// gate versions may add some.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct Recorded {
    pub(in crate::cli) schema: String,
    pub(in crate::cli) time: String,
    pub(in crate::cli) id: String,
    pub(super) event_class: String,
    pub(super) decision: String,
    pub(in crate::cli) reason: String,
    pub(in crate::cli) detail: Option<String>,
    pub(in crate::cli) policies: Vec<String>,
    pub(in crate::cli) layer: Option<String>,
    pub(super) mode: String,
    /// The deciding bundle; `None` if Envoy refused the request before the gate.
    pub(in crate::cli) bundle: Option<BundleField>,
    pub(in crate::cli) principal: Option<PrincipalField>,
    pub(in crate::cli) actor: Option<ActorField>,
    pub(in crate::cli) token: Option<TokenField>,
    /// Older records have none.
    pub(in crate::cli) capabilities: Option<Vec<CapabilityField>>,
    /// Older records have none.
    pub(in crate::cli) approval: Option<ApprovalField>,
    pub(in crate::cli) authority: String,
    pub(in crate::cli) path: String,
    pub(super) server: Option<String>,
    pub(in crate::cli) tool: Option<String>,
    tool_name: Option<String>,
    method: Option<String>,
    pub(in crate::cli) arguments: Option<Value>,
    pub(in crate::cli) inner: Option<Value>,
    pub(in crate::cli) arguments_digest: Option<String>,
    pub(in crate::cli) txn: Option<String>,
    pub(in crate::cli) trace_id: Option<String>,
    pub(in crate::cli) source_ip: Option<String>,
    pub(in crate::cli) environment: String,
    pub(super) shadow_decision: Option<String>,
    /// The decision with shadow policies enforced.
    pub(in crate::cli) shadow: Option<OpinionField>,
    pub(super) candidate_decision: Option<String>,
    /// The decision of a candidate bundle.
    pub(in crate::cli) candidate: Option<CandidateField>,
    /// The complete record.
    #[serde(skip)]
    pub(super) whole: Value,
}

/// The decision of policies that are not enforced.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct OpinionField {
    pub(in crate::cli) reason: String,
    pub(in crate::cli) policies: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct CandidateField {
    pub(in crate::cli) bundle: BundleField,
    #[serde(flatten)]
    pub(in crate::cli) opinion: OpinionField,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::cli) struct BundleField {
    pub(in crate::cli) name: String,
    pub(in crate::cli) version: u32,
    pub(in crate::cli) digest: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct PrincipalField {
    #[serde(rename = "type")]
    type_name: String,
    pub(super) id: String,
    pub(super) tenant: Option<String>,
    pub(super) teams: BTreeSet<String>,
    #[serde(deserialize_with = "entities")]
    pub(super) parents: Vec<EntityUid>,
    pub(super) attributes: BTreeMap<String, Value>,
}

impl PrincipalField {
    /// Whether it is this one, by its type and id.
    pub(super) fn is(&self, principal: &Principal) -> bool {
        self.type_name == principal.type_name && self.id == principal.id
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let time = text.map(|text| text.parse().map_err(|_| format!("`{text}` is not a time")));
    time.transpose().map_err(D::Error::custom)
}

/// Parses entity uids in Cedar's syntax.
fn entities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<EntityUid>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let entity = |text: &String| {
        text.parse().map_err(|_| D::Error::custom(format!("`{text}` is not an entity")))
    };
    texts.iter().map(entity).collect()
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct ActorField {
    pub(super) chain: Vec<String>,
    /// Older records have none.
    #[serde(default)]
    pub(super) profiles: Vec<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct TokenField {
    /// Older records have none.
    pub(super) name: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    pub(super) profiles: Vec<String>,
    #[serde(default)]
    pub(super) client_profiles: Vec<String>,
    pub(super) txn: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(super) expires: Option<DateTime<Utc>>,
}

impl TokenField {
    /// Whether it is one of the tokens with these names. Older records do not say.
    pub(super) fn is_one_of(&self, names: &[String]) -> bool {
        self.name.as_ref().is_none_or(|name| names.contains(name))
    }
}

/// An approval in a record.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct ApprovalField {
    pub(super) id: String,
    pub(super) request: String,
    pub(super) approver: PrincipalField,
    pub(super) issuer: Option<String>,
    pub(super) client: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) time: String,
}

/// A capability in a record.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct CapabilityField {
    pub(super) token: String,
    pub(super) issuer: Option<String>,
    pub(super) txn: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(super) expires: Option<DateTime<Utc>>,
    pub(super) scopes: Option<BTreeSet<String>>,
    pub(super) tools: Option<BTreeSet<String>>,
    #[serde(default, deserialize_with = "resources")]
    pub(super) resources: Vec<EntityUid>,
    pub(super) attributes: BTreeMap<String, Value>,
}

fn resources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<EntityUid>, D::Error> {
    #[derive(Deserialize)]
    struct Entities(#[serde(deserialize_with = "entities")] Vec<EntityUid>);
    Ok(Option::<Entities>::deserialize(deserializer)?.map(|all| all.0).unwrap_or_default())
}

impl Recorded {
    /// The recorded reason.
    pub(in crate::cli) fn reason(&self) -> Option<Reason> {
        reason_of(&self.reason)
    }

    /// The decision that the reason implies.
    pub(in crate::cli) fn decision(&self) -> Decision {
        self.reason().map_or(Decision::Deny, Reason::decision)
    }

    /// Whether a policy or the tool's schema decided, so that the call can be decided again. For
    /// other refusals, the record lacks the part of the request that caused them.
    pub(in crate::cli) fn is_call(&self) -> bool {
        let by_call = self.reason().is_some_and(|reason| reason.stage() == Stage::Call);
        by_call && self.tool.is_some() && self.principal.is_some()
    }

    /// Whether an approval decided that is not in the record, or whether it was used before, which no
    /// record of the call tells.
    pub(in crate::cli) fn lacks_approval(&self) -> bool {
        let lacks = |it: Reason| it.is_of_use() || it.is_of_approval() && self.approval.is_none();
        self.reason().is_some_and(lacks)
    }

    /// Whether the bundle with this digest decided.
    pub(in crate::cli) fn is_of(&self, digest: &Digest) -> bool {
        self.bundle.as_ref().is_some_and(|bundle| bundle.digest == digest.as_str())
    }

    /// The tool's server and name on the wire, or a server and a method that policies decide.
    pub(in crate::cli) fn tool(&self) -> Option<(&str, &str)> {
        let (server, name) = self.tool.as_ref()?.split_once('/')?;
        Some((server, self.tool_name.as_deref().unwrap_or(name)))
    }

    /// Whether it is a call of a tool. Before other methods could be recorded, each was.
    fn is_of_tool(&self) -> bool {
        self.method.as_deref().is_none_or(|method| method == "tools/call")
    }

    /// What was called, by its name on the wire.
    pub(in crate::cli) fn called(&self) -> Option<Called> {
        let name = self.tool()?.1.to_owned();
        Some(if self.is_of_tool() { Called::Tool(name) } else { Called::Method(name) })
    }

    /// What was called, if a bundle knows it.
    pub(in crate::cli) fn in_bundle<'a>(&self, bundle: &'a Bundle) -> Option<&'a Tool> {
        let (server, name) = self.tool()?;
        if self.is_of_tool() { bundle.tool(server, name) } else { bundle.method(server, name) }
    }

    /// The JSON Schema of the arguments of what was called, as a document has it.
    pub(in crate::cli) fn schema(&self, document: &Document) -> Option<Value> {
        let (server, name) = self.tool()?;
        if !self.is_of_tool() {
            return Method::named(name).map(Method::schema);
        }
        let tool = document.tools.get(server)?.iter().find(|tool| tool.name() == name)?;
        Some(tool.input_schema().clone())
    }

    /// A member of the record that is text.
    pub(super) fn text(&self, member: &str) -> Option<&str> {
        self.whole.get(member)?.as_str()
    }

    /// Whether an identity has the recorded principal and actors.
    pub(in crate::cli) fn is_by(&self, identity: &Identity) -> bool {
        let principal =
            self.principal.as_ref().is_some_and(|principal| principal.is(&identity.principal));
        let chain = self.actor.as_ref().map(|actor| &actor.chain);
        principal && chain == identity.actor.as_ref().map(|actor| &actor.chain)
    }

    /// The transaction in the token that names the principal, or in a capability.
    pub(in crate::cli) fn txn_of(&self, capability: Option<&str>) -> Option<&str> {
        let mut capabilities = self.capabilities.iter().flatten();
        if let Some(name) = capability {
            return capabilities.find(|it| it.token == name)?.txn.as_deref();
        }
        // Older records, which have no capabilities, name it only once.
        let older = self.txn.as_ref().filter(|_| self.capabilities.is_none());
        self.token.as_ref().and_then(|token| token.txn.as_ref()).or(older).map(String::as_str)
    }

    /// The recorded principal and actors as text.
    pub(in crate::cli) fn who(&self) -> String {
        let principal = self.principal.as_ref();
        let principal = principal.map_or("nobody that was verified".to_owned(), |of| {
            format!("{}::{:?}", of.type_name, of.id)
        });
        through(principal, self.actor.as_ref().map(|actor| actor.chain.as_slice()))
    }
}

/// The reason with this code.
pub(in crate::cli) fn reason_of(code: &str) -> Option<Reason> {
    Reason::ALL.iter().find(|reason| reason.as_str() == code).copied()
}

/// A principal and actors as text.
pub(in crate::cli) fn who(identity: &Identity) -> String {
    let principal = format!("{}::{:?}", identity.principal.type_name, identity.principal.id);
    through(principal, identity.actor.as_ref().map(|actor| actor.chain.as_slice()))
}

fn through(principal: String, chain: Option<&[String]>) -> String {
    match chain {
        Some(chain) => format!("{principal} through `{}`", chain.join("` for `")),
        None => principal,
    }
}
