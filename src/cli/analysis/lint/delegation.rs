//! Finds policies by which an earlier agent of a delegation gives a right.
//!
//! Whoever writes the token's earlier `act` claims could otherwise add a right to it (RFC 8693 §4.1).

use serde_json::Value;

use super::expression::path;
use super::history::{OPERATORS, number};
use super::world::Read;
use crate::bundle::{Code, Finding};

/// What happens to the result of an operation when agents join the delegation.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Change {
    /// It can become true.
    Begins,
    /// It can become false.
    Ends,
}

/// Checks one policy.
pub(super) fn check(read: &Read<'_>) -> Option<Finding> {
    let mut found = None;
    read.visit_admitting(&mut |operator, operand| {
        found = found.or_else(|| grown(operator, operand, Change::Begins));
    });
    read.visit_passing(&mut |operator, operand| {
        found = found.or_else(|| grown(operator, operand, Change::Ends));
    });
    let place = format!("context.delegation.{}", found?);
    let message = format!("an earlier agent can make it let a call pass, because of `{place}`");
    let help = "let earlier agents only restrict: ask for what holds of all of them, such as \
                `context.delegation.all_in`, or for `context.actor`";
    Some(read.finding_at(&place, Code::ChainGrants, message).with_help(help))
}

/// The member of `context.delegation` because of which more agents can change the result in this
/// way.
fn grown(operator: &str, operand: &Value, change: Change) -> Option<&'static str> {
    let side = |name: &str| operand.get(name).and_then(member);
    let (left, right) = (side("left"), side("right"));
    // The set of agents grows with them, and what all of them have in common shrinks.
    let grows = |it: Option<&'static str>| it == Some("agents");
    let shrinks =
        |it: Option<&'static str>| it.is_some_and(|it| ["all_in", "all_profiles"].contains(&it));
    let is_current = || {
        let right = operand.get("right").and_then(path);
        right.is_some_and(|steps| steps == ["context", "actor"])
    };
    let begins = change == Change::Begins;
    match operator {
        "contains" if begins => left.filter(|_| grows(left) && !is_current()),
        "contains" => left.filter(|_| shrinks(left)),
        "containsAny" if begins => [left, right].into_iter().find(|it| grows(*it))?,
        "containsAny" => [left, right].into_iter().find(|it| shrinks(*it))?,
        "containsAll" if begins => {
            left.filter(|_| grows(left)).or(right.filter(|_| shrinks(right)))
        }
        "containsAll" => left.filter(|_| shrinks(left)).or(right.filter(|_| grows(right))),
        "isEmpty" if begins => operand.get("arg").and_then(member).filter(|it| shrinks(Some(it))),
        "." if !begins => {
            let is_known = operand.get("attr").is_some_and(|attr| attr == "all_known");
            (is_known && operand.get("left").is_some_and(is_delegation)).then_some("all_known")
        }
        _ => compares(operator, operand, begins).then_some("depth"),
    }
}

/// Whether a comparison of the depth with a number can begin, or end, to hold at more than one.
fn compares(operator: &str, operand: &Value, begins: bool) -> bool {
    let known = OPERATORS.into_iter().find(|(each, _)| *each == operator);
    let sides = operand.get("left").zip(operand.get("right"));
    let (Some((operator, exchanged)), Some((left, right))) = (known, sides) else { return false };
    let is_depth = |side: &Value| member(side) == Some("depth");
    let (operator, number) = match (number(left), number(right)) {
        (None, Some(number)) if is_depth(left) => (operator, number),
        (Some(number), None) if is_depth(right) => (exchanged, number),
        _ => return false,
    };
    // A delegation has one agent before others join it.
    match (operator, begins) {
        (">" | "!=", true) | ("<=" | "==", false) => number >= 1,
        (">=" | "==", true) | ("<" | "!=", false) => number >= 2,
        _ => false,
    }
}

/// The member of `context.delegation` that an expression is.
fn member(expression: &Value) -> Option<&'static str> {
    const MEMBERS: [&str; 4] = ["agents", "all_in", "all_profiles", "depth"];
    let access = expression.get(".")?;
    let name = access.get("attr")?.as_str()?;
    is_delegation(access.get("left")?).then_some(())?;
    MEMBERS.into_iter().find(|member| *member == name)
}

fn is_delegation(expression: &Value) -> bool {
    path(expression).is_some_and(|steps| steps == ["context", "delegation"])
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::super::facts::Facts;
    use super::*;
    use crate::bundle::LayerName;

    #[track_caller]
    fn check(effect: &str, condition: &str, expected: bool) {
        let source = format!("{effect} (principal, action, resource) {condition};");
        let policy = Policy::parse(None, &source).unwrap();
        let json = policy.to_json().unwrap();
        let conditions = json["conditions"].as_array().unwrap().clone();
        let (layer, facts) = (&LayerName::Org, Facts::of(&json));
        let read = Read { layer, policy: &policy, source: &source, conditions, facts };
        assert_eq!(super::check(&read).is_some(), expected, "{source}");
    }

    #[test]
    fn what_an_earlier_agent_gives() {
        for (condition, expected) in [
            ("context.delegation.agents.contains(Agent::\"a\")", true),
            ("context.delegation.agents.containsAny(AgentList::\"x\".agents)", true),
            ("AgentList::\"x\".agents.containsAny(context.delegation.agents)", true),
            ("context.delegation.agents.containsAll([Agent::\"a\"])", true),
            ("!([Agent::\"a\"].containsAll(context.delegation.agents))", true),
            ("!context.delegation.all_in.contains(AgentClass::\"x\")", true),
            ("context.delegation.all_profiles.isEmpty()", true),
            ("!context.delegation.all_known", true),
            ("context.delegation.depth > 1", true),
            ("2 <= context.delegation.depth", true),
            ("context.delegation.depth == 2", true),
            ("context.delegation.depth != 1", true),
            ("!(context.delegation.depth < 3)", true),
            ("principal in Role::\"r\" && (true || context.delegation.depth > 1)", true),
            ("context.delegation.agents.contains(context.actor)", false),
            ("!context.delegation.agents.contains(Agent::\"a\")", false),
            ("[Agent::\"a\"].containsAll(context.delegation.agents)", false),
            ("context.delegation.agents == [context.actor]", false),
            ("context.delegation.all_in.contains(AgentClass::\"x\")", false),
            ("context.delegation.all_in.containsAny([AgentClass::\"x\"])", false),
            ("context.delegation.all_known", false),
            ("context.delegation.all_profiles.contains(\"ai_agent\")", false),
            ("context.delegation.actor_profiles.contains(\"ai_agent\")", false),
            ("context.delegation.depth >= 1", false),
            ("context.delegation.depth == 1", false),
            ("!(context.delegation.depth > 3)", false),
            ("context.input.depth > 1", false),
        ] {
            check("permit", &format!("when {{ {condition} }}"), expected);
            check("forbid", &format!("unless {{ {condition} }}"), expected);
            check("permit", &format!("unless {{ !({condition}) }}"), expected);
        }
        check("forbid", "when { context.delegation.agents.contains(Agent::\"a\") }", false);
        check("forbid", "when { context.delegation.depth > 1 }", false);
        check("forbid", "when { context.delegation.depth == 1 }", true);
        check("forbid", "when { context.delegation.all_known }", true);
    }
}
