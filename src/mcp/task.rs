//! Tasks: which of them a message is about or belongs to, and which a result makes.

use std::collections::BTreeSet;

use super::{Kind, Message};
use crate::json::{Object, Value};
use crate::tool::folded;

/// The method whose stream can have the states of tasks.
const LISTEN: &str = "subscriptions/listen";

/// The end of `io.modelcontextprotocol/related-task`, folded.
const RELATED: &str = "relatedtask";

/// A task that a server makes in place of the final result of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NewTask<'a> {
    /// Its id.
    pub id: &'a str,
    /// For how many milliseconds the server keeps it, if it says.
    pub ttl: Option<u64>,
}

impl<'a> NewTask<'a> {
    /// The task that the response to a call has, as 2025-11-25 and as 2026-07-28 spell it.
    pub fn of(response: &'a Object<'_>) -> Option<Self> {
        let result = response.get("result")?.as_object()?;
        if let Some(task) = result.get("task").and_then(Value::as_object) {
            return Self::read(task, "ttl");
        }
        let is_task = result.get("resultType").and_then(Value::as_str) == Some("task");
        if is_task { Self::read(result, "ttlMs") } else { None }
    }

    fn read(task: &'a Object<'_>, ttl: &str) -> Option<Self> {
        let id = task.get("taskId")?.as_str()?;
        let ttl = task.get(ttl).and_then(Value::as_i64);
        Some(Self { id, ttl: ttl.and_then(|ttl| ttl.try_into().ok()) })
    }
}

impl<'a> Message<'a> {
    /// Whether the message asks for the state or the results of tasks, and so for those of other
    /// calls.
    pub fn asks_about_tasks(&self) -> bool {
        let Kind::Request { method, params } = self.kind else { return false };
        method.starts_with("tasks/") || (method == LISTEN && listened(params).next().is_some())
    }

    /// Whether the message is about tasks, or belongs to one.
    pub fn names_tasks(&self) -> bool {
        self.asks_about_tasks() || self.related().next().is_some()
    }

    /// The ids of these tasks, each once; `None` if the message does not say which they are.
    pub fn task_ids(&self) -> Option<BTreeSet<&'a str>> {
        let mut ids = BTreeSet::new();
        if self.asks_about_tasks()
            && let Kind::Request { method, params } = self.kind
        {
            if method == LISTEN {
                for (name, listed) in listened(params) {
                    let listed = listed.as_array().filter(|_| name == "taskIds")?;
                    ids.extend(listed.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?);
                }
            } else {
                ids.insert(task_id(params?)?);
            }
        }
        for task in self.related() {
            ids.insert(task_id(task.as_object()?)?);
        }
        Some(ids)
    }

    /// The members of `_meta` that name the task to which a message belongs, in whatever spelling.
    fn related(&self) -> impl Iterator<Item = &'a Value<'a>> {
        let members = self.meta.into_iter().flat_map(Object::iter);
        members.filter(|(name, _)| folded(name).ends_with(RELATED)).map(|(_, value)| value)
    }
}

/// The one task id of an object. A lenient server could take another spelling for it.
fn task_id<'a>(of: &'a Object<'_>) -> Option<&'a str> {
    let mut ids = of.iter().filter(|(name, _)| folded(name) == "taskid");
    match (ids.next(), ids.next()) {
        (Some(("taskId", id)), None) => id.as_str(),
        _ => None,
    }
}

/// The members of `notifications` that name tasks, in whatever spelling.
fn listened<'a>(params: Option<&'a Object<'a>>) -> impl Iterator<Item = (&'a str, &'a Value<'a>)> {
    let members = params.into_iter().flat_map(Object::iter);
    let members = members.filter(|(name, _)| folded(name) == "notifications");
    let members = members.filter_map(|(_, value)| value.as_object()).flat_map(Object::iter);
    members.filter(|(name, _)| folded(name) == "taskids")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Head;
    use crate::json;
    use crate::mcp::StandardHeaders;

    fn object(text: &str) -> Value<'_> {
        json::read_body(text.as_bytes(), 32, 100).unwrap()
    }

    #[test]
    fn the_task_that_a_result_makes() {
        for (result, task) in [
            (r#"{"task":{"taskId":"t","status":"working","ttl":5}}"#, Some(("t", Some(5)))),
            (r#"{"task":{"taskId":"t","ttl":null}}"#, Some(("t", None))),
            (r#"{"task":{"taskId":"t","ttl":-1}}"#, Some(("t", None))),
            (r#"{"task":{"taskId":"t","ttl":1.5}}"#, Some(("t", None))),
            (r#"{"task":{"taskId":""}}"#, Some(("", None))),
            (r#"{"resultType":"task","taskId":"t","ttlMs":5}"#, Some(("t", Some(5)))),
            (r#"{"resultType":"complete","taskId":"t"}"#, None),
            (r#"{"taskId":"t","status":"working"}"#, None),
            (r#"{"task":{"taskId":1}}"#, None),
            (r#"{"task":{"taskId":null}}"#, None),
            (r#"{"task":"t"}"#, None),
            (r#"{"structuredContent":{"task":{"taskId":"t"}},"content":[]}"#, None),
        ] {
            let response = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
            let response = object(&response);
            let made = NewTask::of(response.as_object().unwrap());
            assert_eq!(made.map(|made| (made.id, made.ttl)), task, "{result}");
        }
    }

    #[test]
    fn the_tasks_that_a_request_is_about() {
        for (method, params, ids) in [
            ("tasks/get", r#"{"taskId":"t"}"#, Some(vec!["t"])),
            ("tasks/get", r#"{"taskId":7}"#, None),
            ("tasks/get", r#"{"taskId":null}"#, None),
            ("tasks/get", "{}", None),
            ("tasks/get", r#"{"taskId":"t","task_id":"u"}"#, None),
            (LISTEN, r#"{"notifications":{"taskIds":["t","t"]}}"#, Some(vec!["t"])),
            ("tasks/list", r#"{"cursor":"c"}"#, None),
            (LISTEN, r#"{"notifications":{"taskIds":["t","u"]}}"#, Some(vec!["t", "u"])),
            (LISTEN, r#"{"notifications":{"taskIds":[]}}"#, Some(Vec::new())),
            (LISTEN, r#"{"notifications":{"taskIds":["t",1]}}"#, None),
            (LISTEN, r#"{"notifications":{"taskIds":"t"}}"#, None),
            (LISTEN, r#"{"notifications":{"taskids":["t"]}}"#, None),
            (LISTEN, r#"{"notifications":{"task\u212Ads":["t"],"tas\u212AIds":["t"]}}"#, None),
        ] {
            let params = object(params);
            let kind = Kind::Request { method, params: params.as_object() };
            let message = Message { id: None, kind, meta: None };
            assert!(message.asks_about_tasks(), "{method}");
            let ids = ids.map(|ids| ids.into_iter().collect());
            assert_eq!(message.task_ids(), ids, "{method} {params:?}");
        }
        for (method, params) in
            [(LISTEN, r#"{"notifications":{"toolsListChanged":true}}"#), ("resources/read", "{}")]
        {
            let params = object(params);
            let kind = Kind::Request { method, params: params.as_object() };
            assert!(!Message { id: None, kind, meta: None }.asks_about_tasks(), "{method}");
        }
    }

    #[test]
    fn the_task_that_a_message_belongs_to() {
        for (meta, ids) in [
            (r#"{"io.modelcontextprotocol/related-task":{"taskId":"t"}}"#, Some(vec!["t"])),
            (r#"{"modelcontextprotocol.io/related-task":{"taskId":"t","x":1}}"#, Some(vec!["t"])),
            (r#"{"io.modelcontextprotocol/RelatedTask":{"taskId":"t"}}"#, Some(vec!["t"])),
            (r#"{"io.modelcontextprotocol/related-task":{"task_id":"t"}}"#, None),
            (r#"{"io.modelcontextprotocol/related-task":{"taskId":7}}"#, None),
            (r#"{"io.modelcontextprotocol/related-task":"t"}"#, None),
        ] {
            let params = format!(r#"{{"name":"a","_meta":{meta}}}"#);
            for message in [
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#),
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{params}}}"#),
                format!(r#"{{"jsonrpc":"2.0","method":"notifications/a","params":{params}}}"#),
                format!(r#"{{"jsonrpc":"2.0","id":1,"result":{params}}}"#),
            ] {
                let read = object(&message);
                let headers = StandardHeaders::read(&Head::new(Vec::new())).unwrap();
                let message = Message::read(read.as_object().unwrap(), &headers).unwrap();
                assert!(message.names_tasks());
                let ids = ids.clone().map(|ids| ids.into_iter().collect());
                assert_eq!(message.task_ids(), ids, "{read:?}");
            }
        }
    }
}
