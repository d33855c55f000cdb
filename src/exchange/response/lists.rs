//! Lists of tools, without those that the caller could not call.
//!
//! A list is known by its shape, a result with the member `tools`, and not by the request: on a
//! stream that is resumed, the answer to an earlier request arrives.

use std::sync::Arc;

use crate::bundle::OnChange;
use crate::decide::{self, Denial, Facts};
use crate::digest::Digest;
use crate::gate::{Change, ChangedTools, Gate, Sender};
use crate::json::{Object, Value};
use crate::reason::Reason;
use crate::record::Outcome;
use crate::tool::{Noted, Tool};

/// The member of a result that is a list of tools.
const TOOLS: &str = "tools";
/// The member of a tool that describes its results.
const RESULT_SCHEMA: &str = "outputSchema";
/// The member of a result that says who may share it. One list is for one caller.
const CACHE_SCOPE: &str = "cacheScope";

/// What became of the lists in a body or an event.
#[derive(Debug, Default)]
pub(super) struct Filtered {
    /// Whether the message differs from the upstream's.
    pub(super) is_changed: bool,
    /// The number of lists.
    pub(super) lists: usize,
    /// The number of tools that stay.
    pub(super) shown: usize,
    /// The tools that are taken out, and why.
    pub(super) hidden: Vec<(Hidden, Reason)>,
    /// The tools that differ from their pins.
    pub(super) changed: Vec<Changed>,
}

/// A tool that is listed otherwise than it is pinned.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) tool: Noted,
    pub(super) change: Change,
    pub(super) outcome: Outcome,
    /// Whether no worker knew it.
    pub(super) is_new: bool,
}

/// A tool that is taken out of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Hidden {
    /// A tool of the inventory, by its qualified name.
    Known(Arc<str>),
    /// Another one.
    Unknown,
}

/// One caller of one server.
#[derive(Clone, Copy)]
pub(super) struct Viewer<'a> {
    pub(super) gate: &'a Gate,
    pub(super) server: &'a str,
    pub(super) sender: &'a Sender,
    /// The facts of a call that would follow.
    pub(super) facts: &'a Facts,
    /// The tools that differ from their pins, as all workers know them.
    pub(super) changed: &'a ChangedTools,
}

impl Viewer<'_> {
    /// Takes the tools that the viewer could not call out of every list in a JSON-RPC message, or in
    /// a batch of them.
    pub(super) fn filter(&self, message: &mut Value<'_>) -> Filtered {
        let mut filtered = Filtered::default();
        match message {
            Value::Object(message) => self.filter_one(message, &mut filtered),
            Value::Array(messages) => {
                for message in messages {
                    if let Value::Object(message) = message {
                        self.filter_one(message, &mut filtered);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        filtered
    }

    fn filter_one(&self, message: &mut Object<'_>, filtered: &mut Filtered) {
        let Some(Value::Object(result)) = message.get_mut("result") else { return };
        let Some(tools) = result.get_mut(TOOLS) else { return };
        filtered.lists = filtered.lists.saturating_add(1);
        // Clients could read another value as a list.
        let Value::Array(tools) = tools else {
            *tools = Value::Array(Vec::new());
            filtered.is_changed = true;
            return;
        };
        tools.retain(|tool| {
            let hidden = self.hides(tool, &mut filtered.changed);
            let is_shown = hidden.is_none();
            filtered.hidden.extend(hidden);
            is_shown
        });
        for tool in tools.iter_mut() {
            filtered.is_changed |= self.withdraw_schema(tool);
        }
        filtered.shown = filtered.shown.saturating_add(tools.len());
        filtered.is_changed |= !filtered.hidden.is_empty();
        if let Some(scope) = result.get_mut(CACHE_SCOPE)
            && scope.as_str() != Some("private")
        {
            *scope = Value::String("private".into());
            filtered.is_changed = true;
        }
    }

    /// Takes the schema of the result out of a tool's description if parts of the result can be
    /// withheld: clients refuse a result that does not fit it.
    fn withdraw_schema(&self, tool: &mut Value<'_>) -> bool {
        let Value::Object(listed) = tool else { return false };
        let name = listed.get("name").and_then(Value::as_str);
        let tool = name.and_then(|name| self.gate.bundle.tool(self.server, name));
        if tool.is_none_or(|tool| tool.labels().is_empty()) || listed.get(RESULT_SCHEMA).is_none() {
            return false;
        }
        listed.retain(|name, _| name != RESULT_SCHEMA);
        true
    }

    /// Why a tool is not for this viewer.
    fn hides(&self, listed: &Value<'_>, changed: &mut Vec<Changed>) -> Option<(Hidden, Reason)> {
        let (bundle, unknown) = (&self.gate.bundle, Some((Hidden::Unknown, Reason::UnknownTool)));
        let Some(listed) = listed.as_object() else { return unknown };
        let name = listed.get("name").and_then(Value::as_str);
        let Some(tool) = name.and_then(|name| bundle.tool(self.server, name)) else {
            return unknown;
        };
        changed.extend(tool.pin().difference(listed).map(|digest| self.change(tool, &digest)));
        let denial = decide::unchanged(bundle, self.changed, tool).err();
        let differs = || changed.last().filter(|it| it.tool.name == tool.noted().name);
        let reason = denial.map(|denial| denial.reason);
        let reason =
            reason.or_else(|| Some(differs()?.outcome.reason).filter(|it| it.is_refusal()));
        let reason = reason.or_else(|| Some(self.denial(tool)?.reason))?;
        Some((Hidden::Known(Arc::clone(&tool.noted().name)), reason))
    }

    /// The change of a tool that is listed with this digest.
    fn change(&self, tool: &Tool, digest: &Digest) -> Changed {
        let bundle = &self.gate.bundle;
        let change = Change::new(bundle, tool, digest.clone());
        let reason = match bundle.on_change(tool.server()) {
            OnChange::Refuse => Reason::ToolChanged,
            OnChange::Warn => Reason::ChangeTolerated,
        };
        let detail = Some(decide::difference(tool, digest));
        let outcome = Outcome { detail, ..Outcome::because(reason) };
        let is_new = !self.changed.has(std::slice::from_ref(&change));
        Changed { tool: tool.noted().clone(), change, outcome, is_new }
    }

    fn denial(&self, tool: &Tool) -> Option<Denial> {
        let Some(caller) = &self.sender.caller else { return Some(Denial::unfit()) };
        let (bundle, identity) = (&self.gate.bundle, &self.sender.identity);
        decide::list(bundle, identity, caller, tool, self.facts).outcome.err()
    }
}
