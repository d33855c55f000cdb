//! Prints a test run as JSON.

use serde_json::{Value, json};

use super::human::effect_name;
use super::summary::Summary;
use crate::cli::analysis::coverage::{Goal, Measure, ResultLabel, Suggestion};
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
                "labels": self.labels_json(),
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

    fn labels_json(&self) -> Vec<Value> {
        let labels = self.coverage.labels.iter().map(|(label, coverage)| {
            json!({
                "tool": label.tool,
                "label": label.label,
                "revealed": coverage.revealed,
                "withheld": coverage.withheld,
            })
        });
        labels.collect()
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
        Goal::Revealed(ResultLabel { tool, label }) => {
            json!({ "goal": "revealed", "tool": tool, "label": label })
        }
        Goal::Withheld(ResultLabel { tool, label }) => {
            json!({ "goal": "withheld", "tool": tool, "label": label })
        }
        Goal::DeterminedLabel { policy, labels } => {
            let labels = labels.iter().map(|it| json!({ "tool": it.tool, "label": it.label }));
            let labels: Vec<Value> = labels.collect();
            json!({ "goal": "determined_label", "policy": policy, "labels": labels })
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
