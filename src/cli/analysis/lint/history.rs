//! Finds policies and budgets about earlier calls that say something else than they seem to.

use serde_json::Value;

use super::facts::sides;
use super::world::{Read, World};
use crate::bundle::{Code, Finding, Manifest, Site};
use crate::cli::analysis::recalled;
use crate::memory::Spends;
use crate::tool::Tool;

/// Up to which number resources and equal calls are counted exactly, or almost.
const EXACT: i64 = 64;

/// A comparison of something remembered with a number.
struct Comparison {
    path: Vec<String>,
    operator: &'static str,
    number: i64,
}

/// Operators, and what each is with its sides exchanged.
pub(super) const OPERATORS: [(&str, &str); 6] =
    [("<", ">"), ("<=", ">="), (">", "<"), (">=", "<="), ("==", "=="), ("!=", "!=")];

/// Checks one policy.
pub(super) fn check(world: &World<'_>, read: &Read<'_>, findings: &mut Vec<Finding>) {
    let manifest = &world.document.manifest;
    let mut comparisons = Vec::new();
    for condition in &read.conditions {
        collect(condition.get("body").unwrap_or(&Value::Null), &mut comparisons);
    }
    for comparison in &comparisons {
        findings.extend(inexact(read, comparison));
        findings.extend(beyond(manifest, read, comparison));
    }
    if read.is_permit() {
        findings.extend(read.facts.all.iter().find_map(needed).map(|path| {
            let place = recalled::shown(&path);
            let message = format!("without earlier calls it does not hold, because of `{place}`");
            let help = "what is remembered ends with the proxy: who may call again then?";
            read.finding_at(&place, Code::PermitAfterCalls, message).with_help(help)
        }));
    }
}

/// Budgets that no call spends.
pub(super) fn budgets(world: &World<'_>) -> Vec<Finding> {
    let Some(plan) = &world.bundle.memory else { return Vec::new() };
    let settings = world.document.manifest.budgets.iter();
    let unspendable = settings.filter_map(|(name, budget)| {
        let spends = |tool: &&&Tool| plan.budgets_of(tool).any(|budget| *budget.title == **name);
        let tools: Vec<_> = world.tools.iter().filter(spends).collect();
        let why = if tools.is_empty() {
            "there is no tool that spends it"
        } else if budget.amount == Spends::Cost
            && tools.iter().all(|tool| tool.marks().cost == Some(0))
        {
            "every tool that spends it has the cost 0"
        } else {
            return None;
        };
        let site = Site::Manifest(format!("budgets.{name}"));
        Some(Finding::new(Code::UnspendableBudget, site, why))
    });
    unspendable.collect()
}

fn collect(expression: &Value, found: &mut Vec<Comparison>) {
    for (operator, exchanged) in OPERATORS {
        let Some((left, right)) = sides(expression, operator) else { continue };
        let (of, number, operator) = match (number(left), number(right)) {
            (None, Some(number)) => (left, number, operator),
            (Some(number), None) => (right, number, exchanged),
            (None, None) | (Some(_), Some(_)) => continue,
        };
        if let Some(path) = recalled::path(of) {
            found.push(Comparison { path, operator, number });
        }
    }
    match expression {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|value| collect(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(super) fn number(expression: &Value) -> Option<i64> {
    expression.get("Value")?.as_i64()
}

fn is_history(of: &str) -> bool {
    ["history", "transaction"].contains(&of)
}

fn inexact(read: &Read<'_>, comparison: &Comparison) -> Option<Finding> {
    let [of, _, member] = comparison.path.as_slice() else { return None };
    let counted = match member.as_str() {
        "resources" => "different resources",
        "same_call" => "equal calls",
        _ => return None,
    };
    if !is_history(of) || comparison.number <= EXACT {
        return None;
    }
    let (place, number) = (recalled::shown(&comparison.path), comparison.number);
    let message = format!(
        "more than {EXACT} {counted} may be counted too high, and it compares `{place}` with \
         {number}"
    );
    Some(read.finding_at(&place, Code::InexactCount, message))
}

/// A comparison of a time since a call with more than the window, whose result is always the same.
fn beyond(manifest: &Manifest, read: &Read<'_>, comparison: &Comparison) -> Option<Finding> {
    let history = manifest.history.as_ref()?;
    let longest = || history.windows.values().max();
    let span = match comparison.path.as_slice() {
        [of, labels, label, last] if is_history(of) && labels == "labels" && last == "last" => {
            history.labels.get(label).or_else(longest)
        }
        [of, window, _, _, member]
            if is_history(of) && ["first", "last"].contains(&member.as_str()) =>
        {
            history.windows.get(window)
        }
        _ => None,
    };
    let most = i64::try_from(span?.millis().div_ceil(1000)).ok()?;
    let number = comparison.number;
    let holds = match comparison.operator {
        ">" if number >= most => false,
        ">=" | "==" if number > most => false,
        "<=" if number >= most => true,
        "<" | "!=" if number > most => true,
        _ => return None,
    };
    let always = if holds { "always holds" } else { "never holds" };
    let place = recalled::shown(&comparison.path);
    let message =
        format!("`{place}` is at most {most}, so that comparing it with {number} {always}");
    let help = "it has the seconds since a call within its window: compare with less, or ask with \
                `has` whether there was one";
    Some(read.finding_at(&place, Code::BeyondWindow, message).with_help(help))
}

/// The members of the history that are 0 without earlier calls.
const COUNTS: [&str; 4] = ["calls", "refusals", "resources", "same_call"];

/// What a fact asks of earlier calls: more than none of them, or a label.
fn needed(fact: &Value) -> Option<Vec<String>> {
    let counted = |of: &Value, number: &Value, least: i64| {
        let more = self::number(number).is_some_and(|number| number >= least);
        ending(of, &COUNTS).filter(|_| more)
    };
    let strictly = sides(fact, "<").and_then(|(number, of)| counted(of, number, 0));
    let at_least = || sides(fact, "<=").and_then(|(number, of)| counted(of, number, 1));
    let exactly = || sides(fact, "==").and_then(|(of, number)| counted(of, number, 1));
    let labelled = || ending(fact, &["attached"]);
    strictly.or_else(at_least).or_else(exactly).or_else(labelled)
}

/// The path of an expression into the history, if it ends with one of these members.
fn ending(expression: &Value, members: &[&str]) -> Option<Vec<String>> {
    let path = recalled::path(expression)?;
    let fits = is_history(path.first()?) && members.contains(&path.last()?.as_str());
    fits.then_some(path)
}
