//! The mapping of verified claims to a principal and an actor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::certificate::is_spiffe_id;
use super::{
    AttributeMapping, CapabilityMapping, ClaimPath, ListMapping, OneOrSeveral, ParentMapping,
    Requirement, TypeName,
};

/// The `identity` section of a bundle.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityMapping {
    /// Who needs the right to a call.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "IdentityMode::is_policy")]
    pub mode: IdentityMode,
    /// The principal of calls with a token: one mapping for all tokens, or one for each provider.
    pub principal: OneOrSeveral<PrincipalMapping>,
    /// The principal of calls without a token: the mTLS peer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadMapping>,
    /// The SPIFFE ids of proxies that may tell the certificate of their client.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forwarded_by: Vec<SpiffeId>,
    /// The actor.
    pub actor: ActorMapping,
    /// Tokens that limit what their bearer calls.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<CapabilityMapping>,
}

/// Who needs the right to a call.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityMode {
    /// The principal; policies say what agents may do for it.
    #[default]
    Policy,
    /// The principal and every agent of the delegation, each by itself.
    Intersection,
}

impl IdentityMode {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_policy(&self) -> bool {
        *self == Self::Policy
    }
}

impl IdentityMapping {
    /// The capabilities that come in a header of their own, and that header.
    pub fn in_own_headers(&self) -> impl Iterator<Item = (&CapabilityMapping, &str)> {
        self.capabilities.iter().filter_map(|each| Some((each, each.header.as_deref()?)))
    }

    /// The names of all tokens that the proxy verifies.
    pub fn all_token_names(&self) -> Vec<String> {
        let mut names = self.token_names();
        for capability in &self.capabilities {
            if !names.contains(&capability.token) {
                names.push(capability.token.clone());
            }
        }
        names
    }

    /// The names of all tokens that can name the principal.
    pub fn token_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.principal.iter().flat_map(|mapping| &mapping.tokens) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Whether there are mappings for a token, and all demand certain values of a claim.
    pub fn requires_claims(&self, token: &str) -> bool {
        let of_token =
            |mapping: &&PrincipalMapping| mapping.tokens.iter().any(|name| name == token);
        let mut mappings = self.principal.iter().filter(of_token).peekable();
        mappings.peek().is_some() && mappings.all(|mapping| !mapping.require.is_empty())
    }

    /// The entity types of principals with a token.
    pub fn principal_types(&self) -> impl Iterator<Item = &TypeName> {
        self.principal.iter().map(|mapping| &mapping.entity_type)
    }

    /// The claims that name the actor in tokens of a mapping.
    pub fn actor_claims<'a>(&'a self, principal: &'a PrincipalMapping) -> &'a [ClaimPath] {
        principal.actor.as_ref().or(self.actor.claim.as_ref()).map_or(&[], |claims| claims)
    }
}

/// The mapping of a token to the principal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalMapping {
    /// The `payload_in_metadata` names under which `jwt_authn` stores a verified token. A request
    /// must carry exactly one of them.
    pub tokens: Vec<String>,
    /// The issuers (`iss`) whose tokens this mapping is for; all of them if the list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<String>,
    /// The Cedar entity type of principals, such as `User`.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
    /// The claim with the principal's id.
    #[serde(default = "ClaimPath::sub")]
    pub id: ClaimPath,
    /// Whether the entity id is `<iss>|<id>`, for bundles that accept several issuers.
    #[serde(default)]
    pub qualify_by_issuer: bool,
    /// Cedar attributes of the principal, by name.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeMapping>,
    /// Claims whose values become parents of the principal.
    #[serde(default)]
    pub parents: Vec<ParentMapping>,
    /// The claim with the principal's tenant, which selects a layer of policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<ClaimPath>,
    /// The claim with the principal's teams, which select layers of policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<ListMapping>,
    /// The claims that name the actor in these tokens, instead of those of [`ActorMapping`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<OneOrSeveral<ClaimPath>>,
    /// Claims that must have one of the listed values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Requirement>,
    /// Claims of tokens that are refused, such as one that says that groups are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuse_if: Vec<ClaimPath>,
    /// Whether these tokens have no scopes, so that the scopes of a tool are not asked of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_scopes: bool,
}

/// The mapping of a workload without a token to the principal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadMapping {
    /// The Cedar entity type; the entity id is the SPIFFE id.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
}

/// The mapping of the actor: the agent that performs the call.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key that a bundle can have")]
pub struct ActorMapping {
    /// The Cedar entity type of actors, such as `Agent`.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
    /// The Cedar entity type of the classes that agents are in, which policies ask for of a whole
    /// delegation.
    ///
    /// The default is not serialized, so that documents built before it existed keep their digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_type: Option<TypeName>,
    /// Whether the ids of actors are `<iss>|<sub>`, for tokens with agents of several issuers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub qualify_by_issuer: bool,
    /// Whether a call without an actor is refused.
    #[serde(default = "yes")]
    pub required: bool,
    /// The claims that name the actor of a token without `act`. Those that a token has must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<OneOrSeveral<ClaimPath>>,
    /// Whether `act.sub` and these claims must name the same agent if both are present.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_match_claim: bool,
    /// Whether the token's actor and the mTLS peer must be the same agent if both are present.
    #[serde(default)]
    pub must_match_spiffe: bool,
    /// SPIFFE ids mapped to agent ids; an unlisted SPIFFE id is its own agent id.
    #[serde(default)]
    pub spiffe: BTreeMap<String, String>,
    /// The maximum length of the delegation chain, including the current actor.
    #[serde(default = "default_depth")]
    pub max_depth: u16,
}

fn yes() -> bool {
    true
}

fn default_depth() -> u16 {
    8
}

/// A SPIFFE id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpiffeId(String);

impl SpiffeId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SpiffeId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if is_spiffe_id(&text) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not a SPIFFE id"))
        }
    }
}

impl From<SpiffeId> for String {
    fn from(id: SpiffeId) -> Self {
        id.0
    }
}
