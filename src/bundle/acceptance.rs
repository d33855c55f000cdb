//! Accepted findings and high-risk classes. Neither changes a decision of the gate.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Code;

/// A finding that was reviewed and accepted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The code of the finding.
    pub code: Code,
    /// The subject: a policy's id, a tool as `<server>/<tool>`, a layer, or another subject of
    /// findings.
    pub at: String,
    /// Why the finding is acceptable.
    pub reason: Explanation,
}

/// A text that is not blank.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Explanation(String);

impl Explanation {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Explanation {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() { Err("say why: the reason is empty") } else { Ok(Self(text)) }
    }
}

impl From<Explanation> for String {
    fn from(text: Explanation) -> Self {
        text.0
    }
}

/// Classes of tools that must not be permitted without a condition.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HighRisk(pub BTreeSet<String>);

impl HighRisk {
    /// The class used when a manifest names none.
    pub const USUAL: &'static str = "high_risk";
}

impl Default for HighRisk {
    fn default() -> Self {
        Self([Self::USUAL.to_owned()].into())
    }
}
