//! The mapping of verified claims to a principal and an actor.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::EntityTypeName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `identity` section of a bundle.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityMapping {
    /// The principal of calls with a token.
    pub principal: PrincipalMapping,
    /// The principal of calls without a token: the mTLS peer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadMapping>,
    /// The actor.
    pub actor: ActorMapping,
}

/// The mapping of a token to the principal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalMapping {
    /// The `payload_in_metadata` names under which `jwt_authn` stores a verified token. A request
    /// must carry exactly one of them.
    pub tokens: Vec<String>,
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
    pub teams: Option<ClaimPath>,
}

/// A claim mapped to an attribute.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeMapping {
    /// The path of the claim in the token.
    pub claim: ClaimPath,
    /// The required type.
    #[serde(rename = "type")]
    pub claim_type: ClaimType,
    /// Whether the claim may be absent or null.
    #[serde(default)]
    pub optional: bool,
    /// Whether the value is redacted in the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redact: bool,
}

/// The type of a claim. A claim of another type refuses the request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ClaimType {
    /// A string.
    String,
    /// `true` or `false`.
    Bool,
    /// A whole number within ±(2^53-1).
    Long,
    /// An array of strings.
    #[serde(rename = "Set<String>")]
    Strings,
}

impl ClaimType {
    /// The name of the type in a Cedar schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Bool => "Bool",
            Self::Long => "Long",
            Self::Strings => "Set<String>",
        }
    }
}

/// A claim (a string or an array of strings) whose values are mapped to parent entities.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ParentMapping {
    /// The path of the claim with the ids.
    pub claim: ClaimPath,
    /// The Cedar entity type of these parents, such as `Role`.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
    /// Whether the claim may be absent or null.
    #[serde(default)]
    pub optional: bool,
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
pub struct ActorMapping {
    /// The Cedar entity type of actors, such as `Agent`.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
    /// Whether a call without an actor is refused.
    #[serde(default = "yes")]
    pub required: bool,
    /// Whether `act.sub` and the mTLS peer must be the same agent if both are present.
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

/// A Cedar entity type name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TypeName(EntityTypeName);

impl TypeName {
    /// The name as a Cedar type.
    pub fn as_cedar(&self) -> &EntityTypeName {
        &self.0
    }
}

impl std::fmt::Display for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for TypeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        EntityTypeName::from_str(&text)
            .map(Self)
            .map_err(|_| format!("`{text}` is not a Cedar entity type name"))
    }
}

impl From<TypeName> for String {
    fn from(name: TypeName) -> Self {
        name.0.to_string()
    }
}

/// The path of a claim: a name, names joined by dots, or, for names that contain dots, a JSON
/// Pointer (RFC 6901) that begins with `/`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimPath {
    text: String,
    steps: Vec<String>,
}

impl ClaimPath {
    fn sub() -> Self {
        Self { text: "sub".to_owned(), steps: vec!["sub".to_owned()] }
    }

    /// The member names of the path.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The claim's value; `None` if it is absent or null.
    pub fn find<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        self.steps
            .iter()
            .try_fold(claims, |value, step| value.as_object()?.get(step))
            .filter(|value| !value.is_null())
    }
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let steps: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        if steps.iter().any(String::is_empty) {
            return Err(format!("`{text}` is not a claim path: a step of it is empty"));
        }
        Ok(Self { text, steps })
    }
}

impl From<ClaimPath> for String {
    fn from(path: ClaimPath) -> Self {
        path.text
    }
}
