//! Checks a record for contradictions, and compares it with the record of deciding its call again.

use serde_json::{Value, json};

use super::line::{Recorded, reason_of};
use crate::reason::{Reason, Stage};
use crate::record::{Outcome, Record};

/// The members that contain the decision.
const DECISION: [&str; 4] = ["decision", "event_class", "reason", "policies"];

/// Further members that follow from the bundle and the request. Members that are inputs of the
/// decision, such as the principal, the time and the source address, are not compared, and neither
/// is `gate`, which differs between gates.
const FROM_BUNDLE: [&str; 23] = [
    "detail",
    "layer",
    "party",
    "mode",
    "bundle",
    "actor",
    "server",
    "tool",
    "tool_name",
    "method",
    "classes",
    "data_class",
    "operation",
    "cost",
    "resource",
    "revealed",
    "masked",
    "budgets",
    "approval",
    "inner",
    "environment",
    "shadow_decision",
    "shadow",
];

/// The contradiction within a record; `None` if it is consistent.
pub(super) fn contradiction(recorded: &Recorded) -> Option<String> {
    let reason = recorded.reason()?;
    let opinion = |reason: Option<&str>| match reason {
        Some(code) => reason_of(code).map(|reason| reason.decision().as_str()),
        None => Some("null"),
    };
    let shadow = opinion(recorded.shadow.as_ref().map(|shadow| shadow.reason.as_str()));
    let candidate = recorded.candidate.as_ref();
    let candidate = opinion(candidate.map(|candidate| candidate.opinion.reason.as_str()));
    let mode = if reason == Reason::Shadow { "shadow" } else { "enforce" };
    let server = recorded.tool().map(|(server, _)| server);
    let pairs = [
        ("decision", Some(&*recorded.decision), Some(reason.decision().as_str())),
        ("event_class", Some(&*recorded.event_class), Some(reason.event_class().as_str())),
        ("mode", Some(&*recorded.mode), Some(mode)),
        ("shadow_decision", Some(recorded.shadow_decision.as_deref().unwrap_or("null")), shadow),
        (
            "candidate_decision",
            Some(recorded.candidate_decision.as_deref().unwrap_or("null")),
            candidate,
        ),
        ("server", recorded.server.as_deref(), server),
    ];
    let told = pairs.into_iter().filter_map(|(member, told, due)| Some((member, told?, due?)));
    let wrong = told.into_iter().find(|(_, told, due)| told != due);
    let wrong = wrong.map(|(member, told, due)| {
        format!("`{member}` is `{told}`, and by its other members it would be `{due}`")
    });
    let by_proxy = [Reason::Unauthenticated, Reason::Internal].contains(&reason);
    let unnamed = || {
        let message = format!("`{}` is decided by a bundle, and it names none", reason.as_str());
        (recorded.bundle.is_none() && !by_proxy).then_some(message)
    };
    wrong.or_else(unnamed).or_else(|| {
        let message =
            format!("`{}` is decided before a tool is known, and it names one", reason.as_str());
        (recorded.tool.is_some() && reason.stage() == Stage::Request).then_some(message)
    })
}

/// The members in which a record differs from the one made by deciding again, with the bundle that
/// wrote it (`same_bundle`) or with another one.
pub(in crate::cli) fn differences(
    recorded: &Recorded,
    again: &Record,
    same_bundle: bool,
) -> Vec<&'static str> {
    let outcome = outcome(again);
    let mut again: Value = serde_json::from_str(&again.to_line()).unwrap_or_default();
    // Only one call is decided again, without its batch. If it was refused because of another call
    // of the batch, it is now permitted.
    if recorded.reason() == Some(Reason::BatchRefused) && !outcome.reason.is_refusal() {
        let outcome = outcome.refused_with_batch();
        let event_class = outcome.reason.event_class().as_str();
        let mut members = json!({ "decision": outcome.decision(), "event_class": event_class });
        for object in [json!(outcome), members.take()] {
            if let (Some(again), Value::Object(object)) = (again.as_object_mut(), object) {
                again.extend(object);
            }
        }
    }
    let shadow_by_batch =
        is_by_batch(recorded.shadow.as_ref().map(|shadow| shadow.reason.as_str()));
    let known = |member: &&str| !(shadow_by_batch && member.starts_with("shadow"));
    let others = FROM_BUNDLE.into_iter().filter(|_| same_bundle).filter(known);
    let differs = |member: &&str| match *member {
        "budgets" => spendings(&recorded.whole) != spendings(&again),
        // The name of an unknown tool is shortened and escaped.
        "tool" | "tool_name" if recorded.reason() == Some(Reason::UnknownTool) => false,
        // Older records lack a member that has no value in most.
        "party" => recorded.text("party") != again.get("party").and_then(Value::as_str),
        member => recorded.whole.get(member) != again.get(member),
    };
    DECISION.into_iter().chain(others).filter(differs).collect()
}

/// What a call spends of budgets, without what was used before: this depends on earlier calls.
fn spendings(record: &Value) -> Option<Value> {
    let mut spendings = record.get("budgets")?.clone();
    for spending in spendings.as_array_mut().into_iter().flatten() {
        spending.as_object_mut().map(|members| members.remove("used"));
    }
    Some(spendings)
}

/// Whether the recorded candidate decision differs from the one made by deciding again. It does not
/// count as different if the candidate refused the call because of another call of the batch.
pub(in crate::cli) fn candidate_differs(recorded: &Recorded, again: &Record) -> bool {
    let Some(candidate) = &recorded.candidate else { return false };
    let opinion = json!(outcome(again));
    let said = recorded.whole.get("candidate").and_then(Value::as_object);
    let said = said.into_iter().flatten().filter(|(member, _)| *member != "bundle");
    let said: Value = said.map(|(member, value)| (member.clone(), value.clone())).collect();
    !is_by_batch(Some(&candidate.opinion.reason)) && said != opinion
}

fn is_by_batch(reason: Option<&str>) -> bool {
    reason == Some(Reason::BatchRefused.as_str())
}

fn outcome(record: &Record) -> Outcome {
    Outcome {
        reason: record.reason,
        policies: record.policies.clone(),
        layer: record.layer.clone(),
        detail: record.detail.clone(),
        party: record.party.clone(),
    }
}
