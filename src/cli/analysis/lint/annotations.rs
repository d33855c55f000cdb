//! Checks the annotations of a policy.

use cedar_policy::Effect;

use super::world::Read;
use crate::bundle::{Code, Finding};
use crate::cli::output::fuzzy_match;

/// Annotations with a meaning for the gate.
const KNOWN: [&str; 5] = ["escalate", "id", "mode", "reason", "severity"];
/// The values of `@severity`, the least severe first.
const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];

pub(super) fn check(read: &Read<'_>, findings: &mut Vec<Finding>) {
    for (name, value) in read.policy.annotations() {
        if let Some(near) = Some(name).filter(|name| !KNOWN.contains(name)).and_then(misspelt) {
            let message = format!("`@{name}` means nothing");
            let finding = read.finding_at(&format!("@{name}"), Code::MisspeltAnnotation, message);
            findings.push(finding.with_help(format!("did you mean `@{near}`?")));
        }
        if let Some(problem) = problem(name, value) {
            let finding = read.finding_at(&format!("@{name}"), Code::AnnotationValue, problem);
            findings.push(finding);
        }
    }
    if read.policy.effect() == Effect::Forbid && read.policy.annotation("reason").is_none() {
        let message = "who is refused by it is not told why";
        let help = "write `@reason(\"…\")`: what the rule is and whom to ask";
        findings.push(read.finding(Code::MissingReason, message).with_help(help));
    }
}

fn misspelt(name: &str) -> Option<&'static str> {
    fuzzy_match::nearest(name, KNOWN)
}

fn problem(name: &str, value: &str) -> Option<String> {
    match name {
        "severity" if !SEVERITIES.contains(&value) => Some(format!(
            "`{value}` is not a severity: there are {}",
            SEVERITIES.map(|severity| format!("`{severity}`")).join(", ")
        )),
        "reason" if value.trim().is_empty() => Some("the reason is empty".to_owned()),
        _ => None,
    }
}
