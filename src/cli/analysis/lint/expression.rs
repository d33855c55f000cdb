//! Prints Cedar expressions for messages, and derives their consequences.

use cedar_policy::{Entities, EntityUid};
use serde_json::{Value, json};

use super::facts::{self, binary, entity, literal_of, sides, variable};

/// The attribute path of an expression: `context`, `input`, `amount`.
pub(super) fn path(expression: &Value) -> Option<Vec<String>> {
    if let Some(variable) = expression.get("Var") {
        return Some(vec![variable.as_str()?.to_owned()]);
    }
    let access = expression.get(".")?;
    let mut steps = path(access.get("left")?)?;
    steps.push(access.get("attr")?.as_str()?.to_owned());
    Some(steps)
}

/// The attributes that a `has` asks for, each one an attribute of the one before.
pub(super) fn attributes(has: &Value) -> impl Iterator<Item = &str> {
    let attribute = has.get("attr").unwrap_or(&Value::Null);
    let all = attribute.as_array().map_or(std::slice::from_ref(attribute), Vec::as_slice);
    all.iter().filter_map(Value::as_str)
}

/// Visits every operation of an expression that lets a call pass if it does not hold. `passes` is
/// whether this is so for the expression itself.
pub(super) fn visit(expression: &Value, passes: bool, operation: &mut impl FnMut(&str, &Value)) {
    let Some((operator, operand)) = facts::operation(expression) else { return };
    let member = |name: &str| operand.get(name).unwrap_or(&Value::Null);
    match operator {
        "&&" | "||" => {
            visit(member("left"), passes, operation);
            visit(member("right"), passes, operation);
        }
        "!" => visit(member("arg"), !passes, operation),
        // With `if … then … else true`, the policy holds for all other calls.
        "if-then-else" if member("else").get("Value").is_none_or(|value| *value == !passes) => {
            visit(member("if"), passes, operation);
        }
        _ if passes => operation(operator, operand),
        _ => {}
    }
}

/// An expression as shown in messages.
pub(super) fn words(expression: &Value) -> String {
    if let Some(path) = path(expression) {
        return format!("`{}`", path.join("."));
    }
    match (entity(expression), expression.get("Value")) {
        (Some(uid), _) => format!("`{uid}`"),
        (None, Some(value)) => format!("`{value}`"),
        (None, None) => "a value".to_owned(),
    }
}

/// A fact and its consequences: an entity is in all its ancestors.
pub(super) fn implied(fact: &Value, entities: &Entities) -> Vec<Value> {
    let mut all = vec![fact.clone()];
    if let Some((left, uid)) = related(fact, "==") {
        let kind = uid.type_name().to_string();
        all.push(json!({ "is": { "left": left, "entity_type": kind } }));
        all.push(binary("in", left, &literal_of(&uid)));
        all.extend(memberships(left, &uid, entities));
    }
    if let Some((left, uid)) = related(fact, "in") {
        all.extend(memberships(left, &uid, entities));
        // Only the action itself is `in` an action that is not a group.
        if *left == variable("action") && !is_group(&uid, entities) {
            all.push(binary("==", left, &literal_of(&uid)));
        }
    }
    all
}

fn is_group(uid: &EntityUid, entities: &Entities) -> bool {
    entities.iter().any(|entity| entities.is_ancestor_of(uid, &entity.uid()))
}

fn related<'a>(fact: &'a Value, operator: &str) -> Option<(&'a Value, EntityUid)> {
    let (left, right) = sides(fact, operator)?;
    Some((left, entity(right)?))
}

fn memberships(left: &Value, uid: &EntityUid, entities: &Entities) -> Vec<Value> {
    let ancestors = entities.ancestors(uid).into_iter().flatten();
    ancestors.map(|ancestor| binary("in", left, &literal_of(ancestor))).collect()
}
