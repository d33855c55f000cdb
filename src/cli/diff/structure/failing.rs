//! Whether the evaluation of a policy that passed strict validation can still fail.

use serde_json::Value;

use crate::cli::analysis::total_functions::TOTAL;

/// Operators that never fail on operands of the types that validation requires.
const OPERATORS: [&str; 24] = [
    "Value",
    "Var",
    "!",
    "==",
    "!=",
    "in",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "has",
    "is",
    "like",
    "if-then-else",
    "Set",
    "Record",
    "contains",
    "containsAll",
    "containsAny",
    "isEmpty",
    "hasTag",
    ".",
];

/// Whether evaluation can fail: by arithmetic, by an attribute of an entity that may be missing, or
/// by an operator that is not listed here.
pub(in crate::cli::diff) fn can_fail(policy: &Value) -> bool {
    let conditions = policy.get("conditions").and_then(Value::as_array);
    conditions.is_none_or(|conditions| {
        conditions.iter().any(|condition| condition.get("body").is_none_or(expression))
    })
}

fn expression(expression: &Value) -> bool {
    let Some((operator, operands)) =
        expression.as_object().and_then(|members| members.iter().next())
    else {
        return true;
    };
    match operator.as_str() {
        "Value" | "Var" => false,
        "." => !is_certain(expression),
        name if OPERATORS.contains(&name) || TOTAL.contains(&name) => inner(operator, operands),
        _ => true,
    }
}

/// Whether any subexpression can fail. The operator determines the shape of its operands.
fn inner(operator: &str, operands: &Value) -> bool {
    match (operator, operands) {
        (_, Value::Array(elements)) => elements.iter().any(expression),
        ("has" | "like" | "is", Value::Object(members)) => {
            let parts = ["left", "in"].iter().filter_map(|name| members.get(*name));
            parts.into_iter().any(expression)
        }
        (_, Value::Object(members)) => members.values().any(expression),
        _ => true,
    }
}

/// An attribute of the context, whose presence validation ensures, or of the principal, whose
/// attributes come with the request. Other entities may be missing.
fn is_certain(expression: &Value) -> bool {
    let mut names = Vec::new();
    let mut of = expression;
    while let Some(access) = of.get(".") {
        let (Some(left), Some(name)) =
            (access.get("left"), access.get("attr").and_then(Value::as_str))
        else {
            return false;
        };
        names.push(name);
        of = left;
    }
    match (of.get("Var").and_then(Value::as_str), names.as_slice()) {
        (Some("context"), [.., first]) => names.len() == 1 || *first != "actor",
        (Some("principal"), [_]) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    #[track_caller]
    fn check(condition: &str, expected: bool) {
        let source = format!("permit (principal, action, resource) when {{ {condition} }};");
        let policy: Policy = source.parse().expect("a policy");
        assert_eq!(can_fail(&policy.to_json().expect("its JSON")), expected, "{condition}");
    }

    #[test]
    fn what_can_fail() {
        for sound in [
            "true",
            "context.input.amount < 5 && !(context.input has note)",
            "principal.tenant == context.input.account || principal in Role::\"rep\"",
            "context.actor in [AgentClass::\"a\", AgentClass::\"b\"]",
            "context.input.amount.lessThan(decimal(\"5.0\"))",
            "context.input.to like \"*@b\" || [1, 2].contains(3)",
            "if principal is User in Role::\"rep\" then true else false",
        ] {
            check(sound, false);
        }
        for fragile in [
            "context.input.amount + 1 < 5",
            "-context.input.amount < 5",
            "AgentList::\"approved\".agents.contains(context.actor)",
            "context.actor.owner == principal",
            "principal.manager.name == \"a\"",
            "resource.owner == principal",
            "context.request.time.offset(duration(\"1d\")) > context.request.time",
        ] {
            check(fragile, true);
        }
    }
}
