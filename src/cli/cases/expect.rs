//! What must come of a case, and how that differs from what came.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};

use super::Outcome;
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

/// One respect in which a case came out differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Which one.
    pub what: &'static str,
    /// What had to come.
    pub expected: Value,
    /// What came.
    pub actual: Value,
}

impl Expect {
    /// Every respect in which an outcome differs from what must come.
    pub fn compare(&self, outcome: &Outcome) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        let mut compare = |what, expected: Value, actual: Value| {
            if expected != actual {
                mismatches.push(Mismatch { what, expected, actual });
            }
        };
        compare("decision", json!(self.decision), json!(outcome.decision));
        compare("reason", json!(self.reason), json!(outcome.reason));
        compare("policies", json!(self.policies), json!(outcome.policies));
        if let Some(layer) = &self.layer {
            compare("layer", json!(layer), json!(outcome.layer));
        }
        if let Some(shadow) = &self.shadow {
            let actual = outcome.shadow.as_ref().map(|actual| ExpectShadow {
                decision: actual.reason.decision(),
                reason: actual.reason,
                policies: actual.policies.clone(),
            });
            compare("shadow", json!(shadow), json!(actual));
        }
        if let Some(status) = self.status {
            let actual = outcome.reply.as_ref().map(|reply| reply.status);
            compare("status", json!(status), json!(actual));
        }
        if let Some(expected) = &self.reply {
            let actual = outcome.reply_json();
            if !contains(&actual, expected) {
                mismatches.push(Mismatch { what: "reply", expected: expected.clone(), actual });
            }
        }
        mismatches
    }
}

/// Whether everything in `part` stands at the same place in `whole`.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (whole, part) => whole == part,
    }
}
