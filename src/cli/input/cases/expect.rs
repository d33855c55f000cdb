//! The expected outcome of a case.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::reason::{Decision, Reason};

/// What must come of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What must be decided.
    #[serde(deserialize_with = "decision")]
    pub decision: Decision,
    /// Why.
    #[serde(deserialize_with = "reason")]
    pub reason: Reason,
    /// Exactly the policies that must determine it.
    pub policies: BTreeSet<String>,
    /// The layer that must decide it.
    #[serde(default)]
    pub layer: Option<String>,
    /// What must be decided if nothing in the bundle were in shadow.
    #[serde(default)]
    pub shadow: Option<ExpectShadow>,
    /// The HTTP status of the refusal.
    #[serde(default)]
    pub status: Option<u16>,
    /// A part of the refusal's body, which is JSON: whatever members stand here must stand there.
    #[serde(default)]
    pub reply: Option<Value>,
}

/// What must be decided about a request by policies in shadow, too.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectShadow {
    /// What must be decided.
    #[serde(deserialize_with = "decision")]
    pub decision: Decision,
    /// Why.
    #[serde(deserialize_with = "reason")]
    pub reason: Reason,
    /// Exactly the policies that must determine it.
    pub policies: BTreeSet<String>,
}

fn decision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decision, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = [Decision::Permit, Decision::Deny, Decision::Silence];
    let found = known.into_iter().find(|decision| decision.as_str() == text);
    found.ok_or_else(|| {
        de::Error::custom(format!("`{text}` is not a decision: there are PERMIT, DENY and SILENCE"))
    })
}

fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
    let text = String::deserialize(deserializer)?;
    let found = Reason::ALL.iter().find(|reason| reason.as_str() == text).copied();
    found.ok_or_else(|| {
        let all = Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
        de::Error::custom(format!("`{text}` is not a reason: there are {all}"))
    })
}
