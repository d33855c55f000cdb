//! The methods besides `tools/call` that a server says it has.

use std::collections::BTreeSet;

use serde_json::Value;

/// The extension of tasks since 2026-07-28.
const TASKS: &str = "io.modelcontextprotocol/tasks";

/// The methods that follow from a server's capabilities, in any revision. `logging/setLevel` is not
/// among them, as it is of the lifecycle, and neither is `tasks/list`, which tells of all tasks.
pub(super) fn methods(capabilities: &Value) -> BTreeSet<&'static str> {
    let has = |name: &str| capabilities.get(name).is_some_and(Value::is_object);
    let subscribes = capabilities.pointer("/resources/subscribe") == Some(&Value::Bool(true));
    let is_extended =
        capabilities.get("extensions").is_some_and(|extensions| extensions.get(TASKS).is_some());
    let mut methods = BTreeSet::new();
    let mut add = |is: bool, named: &[&'static str]| {
        methods.extend(named.iter().copied().filter(|_| is));
    };
    add(has("resources"), &["resources/read"]);
    add(subscribes, &["resources/subscribe", "resources/unsubscribe", "subscriptions/listen"]);
    add(has("prompts"), &["prompts/get"]);
    add(has("completions"), &["completion/complete"]);
    add(has("tasks"), &["tasks/get", "tasks/result", "tasks/cancel"]);
    add(is_extended, &["tasks/get", "tasks/update", "tasks/cancel"]);
    methods
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::Method;

    #[test]
    fn methods_follow_from_capabilities() {
        for (capabilities, expected) in [
            (json!({ "tools": {}, "logging": {} }), &[][..]),
            (json!({ "resources": {}, "prompts": null }), &["resources/read"]),
            (
                json!({ "resources": { "subscribe": true }, "completions": {} }),
                &[
                    "completion/complete",
                    "resources/read",
                    "resources/subscribe",
                    "resources/unsubscribe",
                    "subscriptions/listen",
                ],
            ),
            (
                json!({ "prompts": {}, "tasks": { "list": {} } }),
                &["prompts/get", "tasks/cancel", "tasks/get", "tasks/result"],
            ),
            (
                json!({ "extensions": { TASKS: {} } }),
                &["tasks/cancel", "tasks/get", "tasks/update"],
            ),
            (json!(null), &[]),
        ] {
            let found = methods(&capabilities);
            assert_eq!(found.iter().copied().collect::<Vec<_>>(), expected);
            assert!(found.iter().all(|method| Method::named(method).is_some()));
        }
    }
}
