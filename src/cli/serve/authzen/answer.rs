//! The answer to a question of AuthZEN.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::analysis::run::Outcome;
use crate::reason::Decision;

/// The answer to a question.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) decision: bool,
    pub(super) context: Value,
}

impl Answer {
    /// The answer that an outcome is.
    pub(super) fn of(outcome: &Outcome) -> Self {
        let record = outcome.telling().first();
        let id = record.map(|record| &record.id);
        let is_permitted = outcome.decision == Decision::Permit;
        if is_permitted {
            return Self { decision: true, context: json!({ "id": id }) };
        }
        let policies: Vec<&str> = outcome.policies.iter().map(String::as_str).collect();
        let mut reason = outcome.reason.as_str().to_owned();
        if !policies.is_empty() {
            reason = format!("{reason}: {}", policies.join(", "));
        }
        if let Some(detail) = record.and_then(|record| record.detail.as_ref()) {
            reason = format!("{reason} ({detail})");
        }
        let reply = outcome.reply_json();
        let told = ["/result/content/0/text", "/error/message"];
        let told = told.iter().find_map(|place| reply.pointer(place)?.as_str());
        let user = told.unwrap_or("This call is not permitted.");
        Self {
            decision: false,
            context: json!({
                "id": id,
                "reason_admin": { "403": reason },
                "reason_user": { "403": user },
            }),
        }
    }

    /// A denial for a reason that only a service without the server's answers has.
    pub(super) fn denied(reason: &str) -> Self {
        Self {
            decision: false,
            context: json!({
                "reason_admin": { "403": reason },
                "reason_user": { "403": "This call is not permitted." },
            }),
        }
    }

    /// The answer to one of several questions that cannot be understood.
    pub(super) fn malformed(why: &str) -> Self {
        let error = json!({ "status": 400, "message": why });
        Self { decision: false, context: json!({ "error": error }) }
    }
}
