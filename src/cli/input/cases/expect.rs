//! The expected outcome of a case.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::reason::{Decision, Reason};

/// The expected outcome of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The expected decision.
    #[serde(deserialize_with = "decision")]
    pub decision: Decision,
    /// The expected reason.
    #[serde(deserialize_with = "reason")]
    pub reason: Reason,
    /// Exactly the policies that must determine it.
    pub policies: BTreeSet<String>,
    /// The layer that must decide it.
    #[serde(default)]
    pub layer: Option<String>,
    /// The expected decision with all shadow policies enforced.
    #[serde(default)]
    pub shadow: Option<ExpectShadow>,
    /// The HTTP status of the refusal.
    #[serde(default)]
    pub status: Option<u16>,
    /// A part of the refusal's JSON body: the members given here must be present.
    #[serde(default)]
    pub reply: Option<Value>,
    /// Exactly the tools that the answer to `tools/list` must have.
    #[serde(default)]
    pub list: Option<BTreeSet<String>>,
    /// A part of what the caller gets of the result of the case.
    #[serde(default)]
    pub result: Option<Value>,
}

/// The expected decision with shadow policies enforced.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectShadow {
    /// The expected decision.
    #[serde(deserialize_with = "decision")]
    pub decision: Decision,
    /// The expected reason.
    #[serde(deserialize_with = "reason")]
    pub reason: Reason,
    /// Exactly the policies that must determine it.
    pub policies: BTreeSet<String>,
}

fn decision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decision, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = [Decision::Permit, Decision::Deny, Decision::Silence, Decision::Escalate];
    let found = known.into_iter().find(|decision| decision.as_str() == text);
    found.ok_or_else(|| {
        de::Error::custom(format!(
            "`{text}` is not a decision: there are PERMIT, DENY, SILENCE and ESCALATE"
        ))
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
