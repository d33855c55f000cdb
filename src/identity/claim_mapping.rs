//! What one claim is mapped to (texts, an attribute, or parents), and which values it must have.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ClaimPath, Form, TypeName};

/// A claim with several texts: its path, or its path and form.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "a claim, or `claim` and `form`")]
pub enum ListMapping {
    /// A string or an array of strings.
    Claim(ClaimPath),
    /// A claim in another form.
    Formed(FormedClaim),
}

impl ListMapping {
    /// The path of the claim.
    pub fn claim(&self) -> &ClaimPath {
        match self {
            Self::Claim(claim) | Self::Formed(FormedClaim { claim, .. }) => claim,
        }
    }

    /// The form of the claim.
    pub fn form(&self) -> Form {
        match self {
            Self::Claim(_) => Form::List,
            Self::Formed(formed) => formed.form,
        }
    }
}

/// A claim and its form.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FormedClaim {
    /// The path of the claim.
    pub claim: ClaimPath,
    /// Its form.
    pub form: Form,
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
    /// The form of a claim of type `Set<String>`.
    #[serde(default, skip_serializing_if = "Form::is_list")]
    pub form: Form,
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

/// A claim whose values are mapped to parent entities. In its usual form it is a string or an array
/// of strings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ParentMapping {
    /// The path of the claim with the ids.
    pub claim: ClaimPath,
    /// The Cedar entity type of these parents, such as `Role`.
    #[serde(rename = "type")]
    pub entity_type: TypeName,
    /// The form of the claim.
    #[serde(default, skip_serializing_if = "Form::is_list")]
    pub form: Form,
    /// Whether the claim may be absent or null.
    #[serde(default)]
    pub optional: bool,
}

/// A claim and the values that a token must have.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The path of the claim.
    pub claim: ClaimPath,
    /// The accepted values. A claim that is an array must contain one of them.
    pub values: Vec<Accepted>,
}

/// An accepted value of a claim.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged, expecting = "a string, `true` or `false`")]
pub enum Accepted {
    /// `true` or `false`.
    Bool(bool),
    /// A string.
    Text(String),
}

impl Accepted {
    /// Whether it is this value.
    pub fn is(&self, value: &Value) -> bool {
        match self {
            Self::Bool(truth) => value.as_bool() == Some(*truth),
            Self::Text(text) => value.as_str() == Some(text),
        }
    }
}
