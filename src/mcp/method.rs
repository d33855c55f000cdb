//! The requests that MCP clients send, in every revision, and the params of those that policies
//! decide.
//!
//! Source: `schema.ts` of each revision of the specification
//! (<https://github.com/modelcontextprotocol/modelcontextprotocol>), and for the tasks of 2026-07-28
//! the extension `io.modelcontextprotocol/tasks`
//! (<https://github.com/modelcontextprotocol/ext-tasks>).

use serde_json::Value;

use super::revision::Revision::{
    self, V2024November, V2025June, V2025March, V2025November, V2026July,
};
use crate::json::Object;

/// A request of clients.
#[derive(Debug)]
pub struct Method {
    /// Its name on the wire.
    pub name: &'static str,
    /// The revisions that have it.
    revisions: &'static [Revision],
    /// The JSON Schema of its arguments; `None` if no policy can decide it.
    arguments: Option<&'static str>,
    /// Arguments whose structure only the server knows.
    pub free: &'static [&'static str],
    /// The method that uses what it lists.
    lists: Option<&'static str>,
    /// The members of `params` that are not arguments.
    around: &'static [&'static str],
}

/// What all revisions have.
const ALL: &[Revision] = &Revision::ALL;
/// The revisions with a session.
const LEGACY: &[Revision] = &[V2024November, V2025March, V2025June, V2025November];
const NOVEMBER: &[Revision] = &[V2025November];
const JULY: &[Revision] = &[V2026July];
const SINCE_NOVEMBER: &[Revision] = &[V2025November, V2026July];

const META: &[&str] = &["_meta"];
/// A client repeats what it asked of the task.
const ABOUT_TASK: &[&str] = &["_meta", "task"];
/// Beside the arguments, a retry has what the server asked for.
const RETRIED: &[&str] = &["_meta", "inputResponses", "requestState"];

const URI: &str = r#"{ "type": "object", "required": ["uri"], "properties": {
    "uri": { "type": "string", "format": "toolgate-uri" } } }"#;
const PROMPT: &str = r#"{ "type": "object", "required": ["name"], "properties": {
    "name": { "type": "string" }, "arguments": {} } }"#;
const COMPLETION: &str = r#"{ "type": "object", "required": ["ref", "argument"], "properties": {
    "ref": { "type": "object", "required": ["type"], "properties": {
        "type": { "enum": ["ref/prompt", "ref/resource"] },
        "name": { "type": "string" }, "title": { "type": "string" }, "uri": { "type": "string" } } },
    "argument": { "type": "object", "required": ["name", "value"], "properties": {
        "name": { "type": "string" }, "value": { "type": "string" } } },
    "context": {} } }"#;
const LEVEL: &str = r#"{ "type": "object", "required": ["level"], "properties": { "level": { "enum":
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] } } }"#;
const LISTEN: &str = r#"{ "type": "object", "required": ["notifications"], "properties": {
    "notifications": { "type": "object", "properties": {
        "toolsListChanged": { "type": "boolean" },
        "promptsListChanged": { "type": "boolean" },
        "resourcesListChanged": { "type": "boolean" },
        "resourceSubscriptions": { "type": "array",
            "items": { "type": "string", "format": "toolgate-uri" } },
        "taskIds": { "type": "array", "items": { "type": "string" } } } } } }"#;
const TASK: &str = r#"{ "type": "object", "required": ["taskId"], "properties": {
    "taskId": { "type": "string" } } }"#;
const TASK_INPUT: &str = r#"{ "type": "object", "required": ["taskId", "inputResponses"],
    "properties": { "taskId": { "type": "string" }, "inputResponses": {} } }"#;
const TASKS: &str = r#"{ "type": "object", "properties": { "cursor": { "type": "string" } } }"#;

static METHODS: [Method; 20] = [
    other("initialize", LEGACY),
    other("ping", LEGACY),
    other("server/discover", JULY),
    other("tools/list", ALL),
    other("tools/call", ALL),
    Method { lists: Some("resources/read"), ..other("resources/list", ALL) },
    Method { lists: Some("resources/read"), ..other("resources/templates/list", ALL) },
    Method { lists: Some("prompts/get"), ..other("prompts/list", ALL) },
    Method { around: RETRIED, ..decided("resources/read", ALL, URI) },
    decided("resources/subscribe", LEGACY, URI),
    decided("resources/unsubscribe", LEGACY, URI),
    Method { around: RETRIED, free: &["arguments"], ..decided("prompts/get", ALL, PROMPT) },
    Method { free: &["context"], ..decided("completion/complete", ALL, COMPLETION) },
    decided("logging/setLevel", LEGACY, LEVEL),
    decided("subscriptions/listen", JULY, LISTEN),
    Method { around: ABOUT_TASK, ..decided("tasks/get", SINCE_NOVEMBER, TASK) },
    Method { around: ABOUT_TASK, ..decided("tasks/cancel", SINCE_NOVEMBER, TASK) },
    Method { around: ABOUT_TASK, ..decided("tasks/result", NOVEMBER, TASK) },
    decided("tasks/list", NOVEMBER, TASKS),
    Method { free: &["inputResponses"], ..decided("tasks/update", JULY, TASK_INPUT) },
];

/// A method that is no action of its own: it begins a session, lists what other methods are about, or
/// calls a tool.
const fn other(name: &'static str, revisions: &'static [Revision]) -> Method {
    Method { name, revisions, arguments: None, free: &[], lists: None, around: META }
}

const fn decided(
    name: &'static str,
    revisions: &'static [Revision],
    arguments: &'static str,
) -> Method {
    Method { name, revisions, arguments: Some(arguments), free: &[], lists: None, around: META }
}

impl Method {
    /// The methods that policies can decide.
    pub fn decidable() -> impl Iterator<Item = &'static Self> {
        METHODS.iter().filter(|method| method.arguments.is_some())
    }

    /// Finds a method that policies can decide.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::decidable().find(|method| method.name == name)
    }

    /// The name of a method that lists what another one uses, and that other one.
    pub fn list(name: &str) -> Option<(&'static str, &'static str)> {
        let list = METHODS.iter().find(|method| method.name == name)?;
        Some((list.name, list.lists?))
    }

    /// Whether a request of this revision can have it. Before 2025-06-18 no header names the revision.
    pub fn is_in(&self, revision: Option<Revision>) -> bool {
        match revision {
            Some(revision) => self.revisions.contains(&revision),
            None => self.revisions.iter().any(|revision| *revision < V2025June),
        }
    }

    /// The JSON Schema of the arguments.
    pub fn schema(&self) -> Value {
        let schema = self.arguments.and_then(|schema| serde_json::from_str(schema).ok());
        schema.unwrap_or_default()
    }

    /// The arguments in `params`: all members but those that belong to the protocol.
    pub fn arguments<'a>(&self, params: &Object<'a>) -> Object<'a> {
        params.without(self.around)
    }

    /// The argument that `Mcp-Name` mirrors.
    pub fn name_member(&self) -> Option<&'static str> {
        name_member(self.name)
    }

    /// Whether its argument `uri` names a resource of the server.
    pub fn is_about_a_resource(&self) -> bool {
        self.arguments == Some(URI)
    }
}

/// The member of `params` that `Mcp-Name` mirrors for a method (MCP 2026-07-28, standard headers).
pub(super) fn name_member(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revisions_of_methods() {
        for (name, since, until, unnamed) in [
            ("resources/read", Some(V2024November), Some(V2026July), true),
            ("resources/subscribe", Some(V2024November), Some(V2025November), true),
            ("logging/setLevel", Some(V2024November), Some(V2025November), true),
            ("tasks/get", Some(V2025November), Some(V2026July), false),
            ("tasks/result", Some(V2025November), Some(V2025November), false),
            ("tasks/update", Some(V2026July), Some(V2026July), false),
            ("subscriptions/listen", Some(V2026July), Some(V2026July), false),
        ] {
            let method = Method::named(name).unwrap();
            let has = |revision: &Revision| method.is_in(Some(*revision));
            assert_eq!(Revision::ALL.into_iter().find(has), since, "{name}");
            assert_eq!(Revision::ALL.into_iter().rfind(has), until, "{name}");
            assert_eq!(method.is_in(None), unnamed, "{name}");
        }
    }

    #[test]
    fn what_policies_can_decide_has_a_schema() {
        for method in Method::decidable() {
            assert!(method.schema().is_object(), "{}", method.name);
        }
        for other in
            ["tools/call", "tools/list", "initialize", "resources/list", "RESOURCES/READ", ""]
        {
            assert!(Method::named(other).is_none(), "{other}");
        }
    }
}
