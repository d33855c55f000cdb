//! Finds facts that contradict each other, as far as the facts alone show it.

use std::collections::{HashMap, HashSet};

use cedar_policy::Entities;
use serde_json::Value;

use super::expression::{implied, words};
use super::facts::{Facts, denied, is_literal, sides};

/// Why no call can match, if so.
pub(super) fn find(facts: &Facts, entities: &Entities) -> Option<String> {
    let only_action = Some(facts.actions.as_slice()).filter(|actions| actions.len() == 1);
    let all: Vec<&Value> = facts.all.iter().chain(only_action.into_iter().flatten()).collect();
    denial(&all, entities).or_else(|| values(&all)).or_else(|| bounds(&all))
}

/// A fact that is also negated.
fn denial(facts: &[&Value], entities: &Entities) -> Option<String> {
    let wrong: HashSet<&Value> = facts.iter().filter_map(|fact| denied(fact)).collect();
    if wrong.is_empty() {
        return None;
    }
    let consequences = facts.iter().flat_map(|fact| implied(fact, entities));
    let both = consequences.into_iter().find(|fact| wrong.contains(fact))?;
    let about = both.as_object()?.values().next()?.get("left").map_or_else(|| words(&both), words);
    Some(format!("its conditions say one thing about {about} and the contrary"))
}

/// An expression with two values, or with a value that is excluded.
fn values(facts: &[&Value]) -> Option<String> {
    let mut known: HashMap<&Value, &Value> = HashMap::new();
    for (left, right) in facts.iter().filter_map(|fact| sides(fact, "==")) {
        if !is_literal(right) || is_literal(left) {
            continue;
        }
        if let Some(first) = known.insert(left, right).filter(|first| *first != right) {
            let (first, second) = (words(first), words(right));
            return Some(format!("{} cannot be {first} and {second}", words(left)));
        }
    }
    facts.iter().filter_map(|fact| sides(fact, "contains")).find_map(|(set, element)| {
        let set = set.get("Set")?.as_array()?;
        let value = known.get(element)?;
        let excluded = set.iter().all(is_literal) && !set.contains(value);
        excluded.then(|| format!("{} is not one of the values in the set", words(value)))
    })
}

/// A number that would have to be greater than itself.
fn bounds(facts: &[&Value]) -> Option<String> {
    let mut ranges: HashMap<&Value, (i128, i128)> = HashMap::new();
    let mut narrow = |about, least: Option<i128>, most: Option<i128>| {
        let range = ranges.entry(about).or_insert((i128::MIN, i128::MAX));
        *range = (range.0.max(least.unwrap_or(i128::MIN)), range.1.min(most.unwrap_or(i128::MAX)));
        (range.0 > range.1).then(|| format!("no number fits what it asks of {}", words(about)))
    };
    facts.iter().find_map(|fact| {
        let (strict, (left, right)) = sides(fact, "<")
            .map(|sides| (1, sides))
            .or_else(|| sides(fact, "<=").map(|sides| (0, sides)))
            .or_else(|| sides(fact, "==").map(|sides| (0, sides)))?;
        let is_equal = fact.get("==").is_some();
        match (number(left), number(right)) {
            (None, Some(value)) if is_equal => narrow(left, Some(value), Some(value)),
            (None, Some(most)) => narrow(left, None, most.checked_sub(strict)),
            (Some(least), None) => narrow(right, least.checked_add(strict), None),
            (None, None) | (Some(_), Some(_)) => None,
        }
    })
}

fn number(expression: &Value) -> Option<i128> {
    expression.get("Value")?.as_i64().map(i128::from)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cedar_policy::{Entity, Policy};

    use super::*;

    #[track_caller]
    fn check(policy: &str, expected: Option<&str>) {
        let rep: HashSet<_> = ["Role::\"rep\"".parse().expect("an entity")].into();
        let manager = "Role::\"manager\"".parse().expect("an entity");
        let entities = [Entity::new_no_attrs(manager, rep)];
        let entities = Entities::from_entities(entities, None).expect("entities");
        let policy: Policy = policy.parse().expect("a policy");
        let facts = Facts::of(&policy.to_json().expect("JSON"));
        assert_eq!(find(&facts, &entities).as_deref(), expected, "{policy}");
    }

    fn when(condition: &str) -> String {
        format!("permit (principal, action, resource) when {{ {condition} }};")
    }

    #[test]
    fn what_cannot_hold_together() {
        check(
            &when("context.a == \"x\" && \"y\" == context.a"),
            Some("`context.a` cannot be `\"x\"` and `\"y\"`"),
        );
        let contrary = Some("its conditions say one thing about `principal` and the contrary");
        check(
            "permit (principal in Role::\"manager\", action, resource) \
             unless { principal in Role::\"rep\" };",
            contrary,
        );
        check(&when("principal.a && (context.b || true) && !principal.a"), {
            Some("its conditions say one thing about `principal` and the contrary")
        });
        check(
            "permit (principal, action == Action::\"a\", resource) unless { action == Action::\"a\" };",
            Some("its conditions say one thing about `action` and the contrary"),
        );
        let number = Some("no number fits what it asks of `context.n`");
        check(&when("context.n > 5 && context.n < 6"), number);
        check(&when("context.n == 5 && !(context.n >= 5)"), number);
        check(&when("10 < context.n && context.n <= 10"), number);
        check(
            &when("[\"a\", \"b\"].contains(context.t) && context.t == \"c\""),
            Some("`\"c\"` is not one of the values in the set"),
        );
    }

    #[test]
    fn what_can() {
        for condition in [
            "context.a == \"x\" && context.b == \"y\"",
            "context.a == \"x\" || context.a == \"y\"",
            "context.n > 5 && context.n < 7 && context.n == 6",
            "context.n > 5 && context.m < 3",
            "[\"a\", \"b\"].contains(context.t) && context.t == \"b\"",
            "[context.u].contains(context.t) && context.t == \"b\"",
            "principal in Role::\"rep\" && !(principal in Role::\"manager\")",
            "context.a == context.b && context.a == \"x\"",
            "context.a == decimal(\"1.0\") && context.a == decimal(\"1.00\")",
        ] {
            check(&when(condition), None);
        }
        check(
            "permit (principal, action in [Action::\"a\", Action::\"b\"], resource) \
             unless { action == Action::\"a\" };",
            None,
        );
    }
}
