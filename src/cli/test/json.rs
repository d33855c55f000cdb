//! Prints a test run as JSON.

use serde_json::{Value, json};

use super::human::effect_name;
use super::summary::Summary;
use crate::cli::analysis::coverage::{Goal, Measure, Suggestion};
use crate::cli::analysis::verdict::Verdict;
use crate::cli::output::source::Location;

impl Summary<'_> {
    pub(super) fn json(&self) -> Value {
        json!({
            "bundle": self.bundle,
            "passed": self.passed(),
            "filter": self.filter,
            "cases": self.verdicts.iter().map(case).collect::<Vec<_>>(),
            "coverage": {
                "classes": self.measures.iter().map(measure).collect::<Vec<_>>(),
                "policies": self.policies_json(),
                "tools": self.tools_json(),
                "reasons": self.reasons_json(),
            },
            "suggestions": self.suggestions.iter().map(suggestion).collect::<Vec<_>>(),
        })
    }

    fn policies_json(&self) -> Vec<Value> {
        let policies = self.coverage.policies.iter().map(|(id, policy)| {
            let place = self.map.policy(&policy.layer, id);
            json!({
                "layer": policy.layer,
                "id": id,
                "effect": effect_name(policy.effect),
                "file": place.map(|place| &place.file.name),
                "line": place.and_then(line),
                "determined": policy.determined,
                "matched": policy.matched,
            })
        });
        policies.collect()
    }

    fn tools_json(&self) -> Vec<Value> {
        let tools = self.coverage.tools.iter().map(|(name, tool)| {
            json!({
                "tool": name,
                "classes": tool.classes,
                "cases": tool.cases,
                "permitted": tool.permitted,
                "refused": tool.refused,
            })
        });
        tools.collect()
    }

    fn reasons_json(&self) -> Vec<Value> {
        let reasons = self.coverage.reasons.iter();
        reasons.map(|(reason, cases)| json!({ "reason": reason, "cases": cases })).collect()
    }
}

fn case(verdict: &Verdict<'_>) -> Value {
    let mismatches = verdict.mismatches.iter().map(|mismatch| {
        json!({ "what": mismatch.what, "expected": mismatch.expected, "actual": mismatch.actual })
    });
    json!({
        "name": verdict.case.name,
        "file": verdict.place.file.name,
        "line": line(&verdict.place),
        "passed": verdict.passed(),
        "mismatches": mismatches.collect::<Vec<_>>(),
        "help": verdict.help,
        "fault": verdict.fault,
    })
}

/// `class` is null for the measure of all tools.
fn measure(measure: &Measure) -> Value {
    json!({
        "class": measure.class,
        "percent": measure.percent(),
        "minimum": measure.minimum,
        "enough": measure.is_enough(),
        "reached": measure.reached,
        "goals": measure.goals(),
        "missing": measure.missing.iter().map(goal).collect::<Vec<_>>(),
    })
}

fn goal(goal: &Goal) -> Value {
    match goal {
        Goal::Permitted(tool) => json!({ "goal": "permitted", "tool": tool }),
        Goal::Refused(tool) => json!({ "goal": "refused", "tool": tool }),
        Goal::Determined { policy, tools } => {
            json!({ "goal": "determined", "policy": policy, "tools": tools })
        }
        Goal::Exceeded { budget, tools } => {
            json!({ "goal": "exceeded", "budget": budget, "tools": tools })
        }
    }
}

fn suggestion(suggestion: &Suggestion) -> Value {
    json!({
        "goal": goal(&suggestion.goal),
        "file": suggestion.file,
        "case": suggestion.text,
        "tried": suggestion.tried,
    })
}

fn line(place: &Location) -> Option<usize> {
    place.lines().map(|[(line, _), _]| line)
}
