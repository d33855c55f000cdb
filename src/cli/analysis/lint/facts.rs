//! Splits the scope and conditions of a policy into the facts that must hold for it to match.
//! Equivalent facts compare equal.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::{Value, json};

/// Everything that a policy requires, in Cedar's JSON format for expressions.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// All of them must hold.
    pub(super) all: Vec<Value>,
    /// One of these must hold too, if there is any: the actions of the scope.
    pub(super) actions: Vec<Value>,
}

impl Facts {
    /// The facts of a policy in Cedar's JSON format.
    pub(super) fn of(policy: &Value) -> Self {
        let mut facts = Self::default();
        for variable in ["principal", "resource"] {
            scope(variable, policy.get(variable).unwrap_or(&Value::Null), &mut facts.all);
        }
        let action = policy.get("action").unwrap_or(&Value::Null);
        scope("action", action, &mut facts.actions);
        let groups = action.get("entities").and_then(Value::as_array);
        for group in groups.into_iter().flatten() {
            facts.actions.push(binary("in", &variable("action"), &literal(group)));
        }
        if groups.is_some_and(Vec::is_empty) {
            facts.all.push(json!({ "Value": false }));
        }
        for condition in policy.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            let holds = condition.get("kind").is_some_and(|kind| kind == "when");
            take(condition.get("body").unwrap_or(&Value::Null), holds, &mut facts.all);
        }
        facts
    }
}

fn scope(name: &str, constraint: &Value, facts: &mut Vec<Value>) {
    let subject = variable(name);
    if let Some(kind) = constraint.get("entity_type") {
        facts.push(json!({ "is": { "left": subject, "entity_type": kind } }));
    }
    if let Some(entity) = constraint.get("in").and_then(|within| within.get("entity")) {
        facts.push(binary("in", &subject, &literal(entity)));
    }
    if let (Some(operator), Some(entity)) = (constraint.get("op"), constraint.get("entity")) {
        facts.push(binary(operator.as_str().unwrap_or("=="), &subject, &literal(entity)));
    }
}

/// Splits an expression that must be true, or false, into facts.
fn take(expression: &Value, holds: bool, facts: &mut Vec<Value>) {
    let Some((operator, operand)) = operation(expression) else { return };
    let sides = operand.get("left").zip(operand.get("right"));
    match (operator, sides, holds) {
        ("&&", Some((left, right)), true) | ("||", Some((left, right)), false) => {
            take(left, holds, facts);
            take(right, holds, facts);
        }
        ("!", _, _) => take(operand.get("arg").unwrap_or(&Value::Null), !holds, facts),
        ("!=", Some((left, right)), _) => facts.push(stated(equal(left, right), !holds)),
        ("==", Some((left, right)), _) => facts.push(stated(equal(left, right), holds)),
        // All of these types have a total order.
        ("<", Some((left, right)), true) | (">=", Some((left, right)), false) => {
            facts.push(binary("<", left, right));
        }
        (">", Some((left, right)), true) | ("<=", Some((left, right)), false) => {
            facts.push(binary("<", right, left));
        }
        ("<=", Some((left, right)), true) | (">", Some((left, right)), false) => {
            facts.push(binary("<=", left, right));
        }
        (">=", Some((left, right)), true) | ("<", Some((left, right)), false) => {
            facts.push(binary("<=", right, left));
        }
        ("is", None, true) if operand.get("in").is_some() => {
            let left = operand.get("left").unwrap_or(&Value::Null);
            let kind = operand.get("entity_type");
            facts.push(json!({ "is": { "left": left, "entity_type": kind } }));
            facts.push(binary("in", left, operand.get("in").unwrap_or(&Value::Null)));
        }
        ("Value", _, _) if operand.as_bool() == Some(holds) => {}
        _ => facts.push(stated(expression.clone(), holds)),
    }
}

/// `==` with its literal on the right.
fn equal(left: &Value, right: &Value) -> Value {
    if is_literal(left) && !is_literal(right) {
        binary("==", right, left)
    } else {
        binary("==", left, right)
    }
}

fn stated(expression: Value, holds: bool) -> Value {
    if holds { expression } else { json!({ "!": { "arg": expression } }) }
}

pub(super) fn binary(operator: &str, left: &Value, right: &Value) -> Value {
    json!({ operator: { "left": left, "right": right } })
}

pub(super) fn variable(name: &str) -> Value {
    json!({ "Var": name })
}

fn literal(entity: &Value) -> Value {
    json!({ "Value": { "__entity": entity } })
}

/// An entity as a literal expression.
pub(super) fn literal_of(uid: &EntityUid) -> Value {
    literal(&json!({ "type": uid.type_name().to_string(), "id": uid.id().unescaped() }))
}

pub(super) fn is_literal(expression: &Value) -> bool {
    expression.get("Value").is_some()
}

/// The operator of an expression and its operands.
pub(super) fn operation(expression: &Value) -> Option<(&str, &Value)> {
    let (operator, operand) = expression.as_object()?.iter().next()?;
    Some((operator, operand))
}

/// Both operands, if the fact has this operator.
pub(super) fn sides<'a>(fact: &'a Value, operator: &str) -> Option<(&'a Value, &'a Value)> {
    let operand = fact.get(operator)?;
    Some((operand.get("left")?, operand.get("right")?))
}

/// The expression that a fact negates.
pub(super) fn denied(fact: &Value) -> Option<&Value> {
    fact.get("!")?.get("arg")
}

/// The entity of an entity literal.
pub(super) fn entity(expression: &Value) -> Option<EntityUid> {
    let entity = expression.get("Value")?.get("__entity")?;
    let name: EntityTypeName = entity.get("type")?.as_str()?.parse().ok()?;
    let id = EntityId::new(entity.get("id")?.as_str()?);
    Some(EntityUid::from_type_name_and_id(name, id))
}

/// Whether a scope could express the fact: a constraint on the principal, resource or action.
pub(super) fn is_of_scope(fact: &Value) -> bool {
    let fact = denied(fact).unwrap_or(fact);
    let is_scope = |operator: &str, operand: &Value| {
        let variable = operand.get("left").and_then(|left| left.get("Var"));
        let right = operand.get("right");
        matches!(operator, "==" | "in" | "is")
            && variable.is_some_and(|variable| variable != "context")
            && right.is_none_or(|right| is_literal(right) || right.get("Set").is_some())
    };
    operation(fact).is_some_and(|(operator, operand)| is_scope(operator, operand))
}

/// Whether a fact is only about this variable.
pub(super) fn is_about(fact: &Value, variable: &str) -> bool {
    let fact = denied(fact).unwrap_or(fact);
    let left = operation(fact).and_then(|(_, operand)| operand.get("left")?.get("Var"));
    is_of_scope(fact) && left.is_some_and(|left| left == variable)
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    fn facts(policy: &str) -> Facts {
        let policy: Policy = policy.parse().expect("a policy");
        Facts::of(&policy.to_json().expect("JSON"))
    }

    /// Checks whether two conditions have the same facts.
    #[track_caller]
    fn check(one: &str, other: &str, same: bool) {
        let of = |conditions: &str| {
            let mut facts =
                facts(&format!("forbid (principal, action, resource) {conditions};")).all;
            facts.sort_by_key(ToString::to_string);
            facts
        };
        assert_eq!(of(one) == of(other), same, "{one} / {other}");
    }

    #[test]
    fn conditions_that_mean_the_same_are_the_same_facts() {
        check("when { context.a && context.b }", "when { context.b } when { context.a }", true);
        check("unless { context.a || context.b }", "when { !context.b && !context.a }", true);
        check("when { !(!context.a) }", "when { context.a } when { true }", true);
        check("when { context.a < 1 }", "when { 1 > context.a }", true);
        check("unless { context.a >= 1 }", "when { context.a < 1 }", true);
        check("unless { context.a < 1 }", "when { 1 <= context.a }", true);
        check("when { 1 == context.a }", "when { context.a == 1 }", true);
        check("when { context.a != 1 }", "unless { context.a == 1 }", true);
        check(
            "when { principal is User in Role::\"a\" }",
            "when { principal is User && principal in Role::\"a\" }",
            true,
        );
        check("when { context.a || context.b }", "when { context.a && context.b }", false);
        check("when { context.a < 1 }", "when { context.a <= 1 }", false);
        check("unless { context.a && context.b }", "unless { context.a || context.b }", false);
    }

    #[test]
    fn a_scope_is_facts_as_well() {
        let scope = facts(
            "forbid (principal is User in Role::\"a\", action in [Action::\"b\", Action::\"c\"], \
             resource == Server::\"d\");",
        );
        let conditions = facts(
            "forbid (principal, action, resource) when { principal is User } \
             when { principal in Role::\"a\" && resource == Server::\"d\" };",
        );
        assert_eq!(scope.all, conditions.all);
        assert_eq!(scope.actions.len(), 2);
        assert!(scope.all.iter().all(is_of_scope));
        let actions =
            facts("forbid (principal, action, resource) when { action in Action::\"b\" };");
        assert_eq!(
            actions.all,
            facts("forbid (principal, action in Action::\"b\", resource);").actions
        );
        assert!(actions.all.iter().all(|fact| is_about(fact, "action")));
    }

    #[test]
    fn a_condition_says_more_than_a_scope_could() {
        let scope = |condition: &str| {
            let policy = format!("permit (principal, action, resource) when {{ {condition} }};");
            facts(&policy).all.iter().all(is_of_scope)
        };
        assert!(scope("principal in [Role::\"a\", Role::\"b\"]"));
        assert!(scope("!(principal == User::\"a\")"));
        assert!(scope("true"));
        assert!(!scope("context.actor in Class::\"a\""));
        assert!(!scope("principal in Role::\"a\" || principal in Role::\"b\""));
        assert!(!scope("principal == resource.owner"));
        assert!(!scope("principal.team == \"a\""));
    }
}
