//! The places in policies that read what is remembered of earlier calls.

use cedar_policy::Policy;
use serde_json::Value;

use crate::policy::MEMORY;

/// The members of `context` that lead to each value that a policy reads of earlier calls.
pub(in crate::cli) fn paths(policy: &Policy) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    if let Ok(policy) = policy.to_json() {
        collect(policy.get("conditions").unwrap_or(&Value::Null), &mut paths);
    }
    paths
}

fn collect(expression: &Value, paths: &mut Vec<Vec<String>>) {
    if let Some(path) = path(expression) {
        if path.first().is_some_and(|first| MEMORY.contains(&first.as_str())) {
            paths.push(path);
        }
        return;
    }
    match expression {
        Value::Array(items) => items.iter().for_each(|item| collect(item, paths)),
        Value::Object(members) => members.values().for_each(|value| collect(value, paths)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The members of `context` that lead to the value of an expression, the longest path.
pub(in crate::cli) fn path(expression: &Value) -> Option<Vec<String>> {
    let access = expression.get(".")?;
    let (of, name) = (access.get("left")?, access.get("attr")?.as_str()?);
    let is_context = of.get("Var").is_some_and(|variable| variable == "context");
    let mut steps = if is_context { Vec::new() } else { path(of)? };
    steps.push(name.to_owned());
    Some(steps)
}

/// The path as policies write it.
pub(in crate::cli) fn shown(path: &[String]) -> String {
    let mut text = "context".to_owned();
    for name in path {
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let step = if is_plain { format!(".{name}") } else { format!("[{name:?}]") };
        text.push_str(&step);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found() {
        let policy = r#"forbid (principal, action, resource) when {
            context.history.hour.tools["a/b"].calls > 1 && context.input.x == 1
            || context has transaction && context.transaction.hour.calls + 1 > context.input.y
            || context.runaway.rate };"#;
        let paths = paths(&policy.parse().expect("a policy"));
        let shown: Vec<String> = paths.iter().map(|path| super::shown(path)).collect();
        assert_eq!(
            shown,
            [
                r#"context.history.hour.tools["a/b"].calls"#,
                "context.transaction.hour.calls",
                "context.runaway.rate"
            ]
        );
    }
}
