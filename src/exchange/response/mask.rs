//! Withholds what policies do not reveal of the results of calls.
//!
//! Only what can be read is shown: a result with a withheld label keeps the members that the protocol
//! defines and whose content is known, and loses everything else that could repeat the label's data.

mod parts;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bundle::Limits;
use crate::decide::Revealed;
use crate::json::{Object, Value};
use crate::mcp::Id;
use crate::tool::{ResultPath, Withheld, folded};

use parts::{Parts, note};
use text::Known;

/// What is withheld of the results in a response. For a batch, it is withheld of every result.
#[derive(Clone, Debug, Default)]
pub(in crate::exchange) struct Mask {
    labels: BTreeSet<Arc<str>>,
    parts: Vec<(ResultPath, Withheld, Arc<str>)>,
    /// Whether results are withheld wholly, because it is not known of which tool they are.
    everything: bool,
    others: Others,
    /// The ids of requests for lists of tasks.
    task_lists: Vec<Id>,
}

/// Which results of other requests than calls the response can have.
#[derive(Clone, Debug)]
pub(in crate::exchange) enum Others {
    /// Those of the requests with these ids.
    Of(Vec<Id>),
    /// Any: on a stream, requests are not known.
    Any,
}

impl Default for Others {
    fn default() -> Self {
        Self::Of(Vec::new())
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    Message,
    /// A request or a notification of the server with free text.
    Nothing,
}

/// Messages of the server that a caller gets, and the members of their `params` that stay.
const KNOWN: [(&str, &[&str]); 10] = [
    (PROGRESS, &["progressToken", "progress", "total"]),
    (LOG, &["level"]),
    ("notifications/cancelled", &["requestId"]),
    ("notifications/tools/list_changed", &[]),
    ("notifications/resources/list_changed", &[]),
    ("notifications/prompts/list_changed", &[]),
    ("notifications/subscriptions/acknowledged", &[]),
    ("ping", &[]),
    ("roots/list", &[]),
    ("notifications/tasks/status", &OF_TASKS),
];
const PROGRESS: &str = "notifications/progress";
const LOG: &str = "notifications/message";

/// Members of which a result of another request than a call has one, and no result of a call.
const OTHERS: [&str; 8] = [
    "capabilities",
    "tools",
    "resources",
    "resourceTemplates",
    "prompts",
    "contents",
    "messages",
    "completion",
];
/// Members of the result of a call.
const OF_CALLS: [&str; 5] = ["content", "structuredContent", "isError", "toolResult", "task"];

/// Members of the state of a task that have no free text.
const OF_TASKS: [&str; 9] = [
    "taskId",
    "status",
    "createdAt",
    "lastUpdatedAt",
    "ttl",
    "ttlMs",
    "pollInterval",
    "pollIntervalMs",
    "resultType",
];
const STATUSES: [&str; 5] = ["working", "input_required", "completed", "failed", "cancelled"];
const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What a result can be of.
#[derive(Clone, Copy)]
struct Origin {
    /// A call.
    is_call: bool,
    /// A request for a list of tasks.
    is_task_list: bool,
}

impl Mask {
    /// Whether nothing is withheld.
    pub(in crate::exchange) fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Withholds what one call does not reveal of its result.
    pub(in crate::exchange) fn add(&mut self, revealed: &Revealed) {
        for (label, withheld) in &revealed.parts {
            let part = |part: &ResultPath| (part.clone(), *withheld, Arc::clone(&label.name));
            self.parts.extend(label.parts.iter().map(part));
            self.labels.insert(Arc::clone(&label.name));
        }
        self.labels.extend(revealed.wholly.iter().cloned());
        self.everything |= !revealed.wholly.is_empty();
    }

    /// Withholds every result, because of these labels.
    pub(in crate::exchange) fn add_everything(&mut self, withheld: &[Arc<str>]) {
        self.labels.extend(withheld.iter().cloned());
        self.everything |= !withheld.is_empty();
    }

    /// Withholds the words of tasks in the list that this request asks for.
    pub(in crate::exchange) fn add_task_list(&mut self, id: Id) {
        self.task_lists.push(id);
    }

    /// The mask for a response that can have these other results.
    #[must_use]
    pub(in crate::exchange) fn beside(self, others: Others) -> Self {
        Self { others, ..self }
    }

    /// Withholds parts of a JSON-RPC message, or of a batch of them.
    ///
    /// The error is why the message cannot be read.
    pub(super) fn apply(
        &self,
        message: &mut Value<'_>,
        limits: Limits,
    ) -> Result<Kept, &'static str> {
        match message {
            Value::Object(message) => self.apply_one(message, limits),
            Value::Array(messages) => {
                let mut failure = None;
                messages.retain_mut(|message| match message {
                    Value::Object(message) => match self.apply_one(message, limits) {
                        Ok(kept) => kept == Kept::Message,
                        Err(why) => {
                            failure = Some(why);
                            false
                        }
                    },
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Raw(_) => false,
                });
                failure.map_or(Ok(Kept::Message), Err)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Raw(_) => {
                Err("it is no JSON-RPC message")
            }
        }
    }

    fn apply_one(&self, message: &mut Object<'_>, limits: Limits) -> Result<Kept, &'static str> {
        message.retain(|name, value| match name {
            "jsonrpc" => value.as_str() == Some("2.0"),
            "id" => matches!(value, Value::Null | Value::Number(_) | Value::String(_)),
            name => matches!(name, "method" | "params" | "result" | "error"),
        });
        let of = Origin {
            is_call: !self.others.has(message),
            is_task_list: message
                .get("id")
                .and_then(Id::of)
                .is_some_and(|id| self.task_lists.contains(&id)),
        };
        if message.get("method").is_some() {
            return Ok(self.of_server(message));
        }
        match (message.get("result").is_some(), message.get_mut("error")) {
            (false, Some(Value::Object(error))) => {
                error.retain(|name, value| name == "code" && matches!(value, Value::Number(_)));
                error.set("message", self.note());
                Ok(Kept::Message)
            }
            (true, None) => match message.get_mut("result") {
                Some(Value::Object(result)) => {
                    self.result(result, of, limits).map(|()| Kept::Message)
                }
                _ => Err(OTHER_FORM),
            },
            _ => Err("it is no JSON-RPC message"),
        }
    }

    /// A request or a notification of the server.
    fn of_server(&self, message: &mut Object<'_>) -> Kept {
        let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
        let Some((method, members)) = KNOWN.iter().find(|(name, _)| *name == method) else {
            return Kept::Nothing;
        };
        message.retain(|name, _| matches!(name, "jsonrpc" | "id" | "method" | "params"));
        if let Some(params) = message.get_mut("params") {
            let mut kept = Object::default();
            if let Value::Object(params) = params {
                params.retain(|name, value| members.contains(&name) && fits(name, value));
                kept = std::mem::take(params);
            }
            if *method == LOG {
                kept.set("data", self.note());
            }
            *params = Value::Object(kept);
        }
        Kept::Message
    }

    fn result(
        &self,
        result: &mut Object<'_>,
        of: Origin,
        limits: Limits,
    ) -> Result<(), &'static str> {
        if !of.is_call && is_other(result) {
            return Ok(());
        }
        if self.everything && is_task(result) {
            result.retain(|name, value| OF_TASKS.contains(&name) && fits(name, value));
            return Ok(());
        }
        if of.is_task_list
            && let Some(Value::Array(tasks)) = result.get_mut("tasks")
        {
            tasks.retain_mut(|task| {
                let Value::Object(task) = task else { return false };
                task.retain(|name, value| OF_TASKS.contains(&name) && fits(name, value));
                true
            });
            result.retain(|name, value| match name {
                "nextCursor" => is_plain(value),
                "resultType" => fits(name, value),
                name => name == "tasks",
            });
            return Ok(());
        }
        if let Some(Value::Object(task)) = result.get_mut("task") {
            // The caller asks for its result later.
            task.retain(|name, value| OF_TASKS.contains(&name) && fits(name, value));
            result.retain(|name, _| name == "task");
            return Ok(());
        }
        result.retain(|name, value| match name {
            "content" => matches!(value, Value::Array(_)),
            "isError" => matches!(value, Value::Bool(_)),
            "resultType" => value.as_str() == Some("complete"),
            name => name == "structuredContent",
        });
        let is_error = matches!(result.get("isError"), Some(Value::Bool(true)));
        if self.everything || is_error {
            // Of an error, and of a tool that is not known, the form is not known either.
            result.retain(|name, _| matches!(name, "isError" | "resultType"));
            result.set("content", Value::Array(vec![content(self.note())]));
            return Ok(());
        }
        let paths = self.parts.iter().map(|(path, withheld, label)| (path, *withheld, &**label));
        let parts = Parts::new(paths);
        let items = match result.get_mut("content") {
            Some(Value::Array(items)) => Some(std::mem::take(items)),
            _ => None,
        };
        let texts: Vec<Option<&str>> = items.iter().flatten().map(text).collect();
        let known = match result.get_mut("structuredContent") {
            Some(data) => Known::withholding(data, &parts, &texts, limits),
            None => Known::Nothing,
        };
        if items.is_none() {
            return if let Known::Nothing = known { Err(OTHER_FORM) } else { Ok(()) };
        }
        let shown = texts.into_iter().map(|text| known.shown(text?, &parts, limits));
        let shown =
            shown.map(|text| text.map_or_else(|| self.note(), |it| Value::String(it.into())));
        let content = Value::Array(shown.map(content).collect());
        result.set("content", content);
        Ok(())
    }

    /// What stands in place of a text.
    fn note<'a>(&self) -> Value<'a> {
        let labels: Vec<&str> = self.labels.iter().map(|label| &**label).collect();
        Value::String(note(&labels.join(", ")).into())
    }
}

const OTHER_FORM: &str = "the result has another form than that of a tool";

/// The text of an item of content that is one.
fn text<'v>(item: &'v Value<'_>) -> Option<&'v str> {
    let item = item.as_object()?;
    if item.get("type")?.as_str() == Some("text") { item.get("text")?.as_str() } else { None }
}

/// An item of content with a text.
fn content(text: Value<'_>) -> Value<'_> {
    let mut item = Object::default();
    item.set("type", Value::String("text".into()));
    item.set("text", text);
    Value::Object(item)
}

/// Whether a result is one of another request than a call. Some clients ignore case in the names of
/// members.
fn is_other(result: &Object<'_>) -> bool {
    let is_of_call =
        |name: &str| OF_CALLS.iter().any(|member| folded(name) == member.to_lowercase());
    !result.keys().any(is_of_call)
        && (result.is_empty() || OTHERS.iter().any(|member| result.get(member).is_some()))
}

/// Whether a result is the state of a task, and of one that the caller asked about.
fn is_task(result: &Object<'_>) -> bool {
    let is_new = result.get("resultType").is_some_and(|it| it.as_str() != Some("complete"));
    result.get("taskId").is_some() && result.get("status").is_some() && !is_new
}

/// Whether the value of a member of `params`, or of a task, can be no more than what the protocol says.
fn fits(name: &str, value: &Value<'_>) -> bool {
    match name {
        "progress" | "total" => matches!(value, Value::Number(_)),
        "level" => value.as_str().is_some_and(|level| LEVELS.contains(&level)),
        "status" => value.as_str().is_some_and(|status| STATUSES.contains(&status)),
        "resultType" => value.as_str() == Some("complete"),
        "ttl" | "ttlMs" if value.is_null() => true,
        _ => is_plain(value),
    }
}

impl Others {
    /// Whether a message can be the response to one of these requests.
    fn has(&self, message: &Object<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Of(ids) => message.get("id").and_then(Id::of).is_some_and(|id| ids.contains(&id)),
        }
    }
}

/// Whether a value is a number, or a string that can be no more than an identifier.
fn is_plain(value: &Value<'_>) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => text.len() <= LONGEST_ID && !text.contains(char::is_whitespace),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Raw(_) => false,
    }
}

/// Ids of tasks can have that of their session in front.
const LONGEST_ID: usize = 128;
