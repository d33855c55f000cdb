//! The mapping of a capability's claims.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identity::{AttributeMapping, ClaimPath, ListMapping, ParentMapping, Requirement};

/// The mapping of a token that limits what its bearer calls: a call needs what policies permit, and
/// must be within every capability.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityMapping {
    /// The `payload_in_metadata` name under which `jwt_authn` stores the verified token. The token that
    /// names the principal can be one too.
    pub token: String,
    /// The request header in which the token comes, such as `txn-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The tokens of principals beside which it comes. Another provider could issue the same id for
    /// somebody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// Whether calls without the token are decided without it, instead of refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// The value that `aud` must have or contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Claims that must have one of the listed values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Requirement>,
    /// The claim with the principal's id.
    #[serde(default = "ClaimPath::sub")]
    pub subject: ClaimPath,
    /// The claim with the principal's tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<ClaimPath>,
    /// The claim with scopes, as a string of words or an array: a tool is called that has `scopes`, if
    /// all of them are among these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ClaimPath>,
    /// The claim with the tools that may be called, such as `crm/get_contact`, or `crm/*` for all of a
    /// server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<ListMapping>,
    /// Claims with the resources that calls may be about: these, and what is in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ParentMapping>,
    /// Further claims, for policies that forbid.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeMapping>,
}

impl CapabilityMapping {
    /// The name under which `jwt_authn` stores why it did not verify the token
    /// (`failed_status_in_metadata`).
    pub fn failure_name(&self) -> String {
        format!("{}.failure", self.token)
    }
}
