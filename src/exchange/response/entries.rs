//! The entries of lists: which of them are not for a viewer, and why.

use std::sync::Arc;

use crate::bundle::OnChange;
use crate::decide::{self, Denial, Facts, Question};
use crate::digest::Digest;
use crate::gate::{Change, ChangedTools, Gate, Sender};
use crate::json::{Element, Object, Value, unread};
use crate::reason::Reason;
use crate::record::Outcome;
use crate::tool::{Noted, Tool};

/// An entry that is taken out of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Hidden {
    /// A tool of the inventory, or what a method is about, by the qualified name of either.
    Known(Arc<str>),
    /// Another one.
    Unknown,
}

/// An entry of a list.
#[derive(Clone, Copy)]
pub(super) struct Entry<'e> {
    pub(super) value: &'e Value<'e>,
    /// The text of a tool.
    pub(super) text: Option<Element<'e>>,
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
    /// The candidate bundle, and the sender as that knows it.
    pub(super) candidate: Option<(&'a Gate, &'a Sender)>,
}

/// A tool that other policies would show or hide.
#[derive(Debug)]
pub(super) struct ListFlip {
    /// The other policies: `shadow` or `candidate`.
    pub(super) by: &'static str,
    pub(super) tool: Arc<str>,
    /// Whether they would hide it.
    pub(super) hides: bool,
}

/// The member of a tool that describes its results.
const RESULT_SCHEMA: &str = "outputSchema";

/// What a list is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Entries {
    Tools,
    Resources,
    Templates,
    Prompts,
}

impl Entries {
    /// Every kind of list, by the member of a result that holds it.
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("tools", Self::Tools),
        ("resources", Self::Resources),
        ("resourceTemplates", Self::Templates),
        ("prompts", Self::Prompts),
    ];

    /// The method that uses an entry; `None` for a call of the tool itself.
    fn method(self) -> Option<&'static str> {
        match self {
            Self::Tools => None,
            Self::Resources | Self::Templates => Some("resources/read"),
            Self::Prompts => Some("prompts/get"),
        }
    }
}

impl<'g> Viewer<'g> {
    /// Whether policies decide about the entries of such a list.
    pub(super) fn filters(&self, entries: Entries) -> bool {
        entries.method().is_none_or(|method| self.decided(method).is_some())
    }

    /// Why an entry is not for this viewer.
    pub(super) fn hides(
        &self,
        entries: Entries,
        entry: Entry<'_>,
        changed: &mut Vec<Changed>,
    ) -> Option<(Hidden, Reason)> {
        let member = |name| entry.value.as_object().and_then(|entry| entry.get(name));
        let tool = match entries.method() {
            Some(method) => self.decided(method),
            None => self.tool(entry.value),
        };
        let Some(tool) = tool else { return Some((Hidden::Unknown, Reason::UnknownTool)) };
        let denial = match entries {
            Entries::Tools => self.differs(tool, entry, changed).or_else(|| self.never(tool, None)),
            Entries::Templates => self.never(tool, None),
            Entries::Prompts => {
                self.never(tool, Some(("name", member("name").unwrap_or(&Value::Null))))
            }
            Entries::Resources => self.denial(tool, member("uri").unwrap_or(&Value::Null)),
        }?;
        Some((Hidden::Known(Arc::clone(&tool.noted().name)), denial.reason))
    }

    /// What shadow policies and a candidate would do with a tool that is hidden now, or is not.
    pub(super) fn flips(&self, entry: Entry<'_>, is_hidden: bool) -> Vec<ListFlip> {
        if self.candidate.is_none() && self.gate.bundle.staged.is_none() {
            return Vec::new();
        }
        let Some(tool) = self.tool(entry.value) else { return Vec::new() };
        let by_candidate = self.candidate.map(|(gate, sender)| {
            let other = Viewer { gate, sender, candidate: None, ..*self };
            let read = match entry.value {
                Value::Raw(text) if other.tool(entry.value).is_none() => &unread(text),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_)
                | Value::Raw(_) => entry.value,
            };
            let entry = Entry { value: read, ..entry };
            other.hides(Entries::Tools, entry, &mut Vec::new()).is_some()
        });
        let others = [("shadow", self.hides_in_shadow(tool)), ("candidate", by_candidate)];
        let flip = |(by, hides): (_, Option<bool>)| {
            let hides = hides.filter(|hides| *hides != is_hidden)?;
            Some(ListFlip { by, tool: Arc::clone(&tool.noted().name), hides })
        };
        others.into_iter().filter_map(flip).collect()
    }

    /// Whether shadow policies would hide a tool; `None` if there are none.
    fn hides_in_shadow(&self, tool: &Tool) -> Option<bool> {
        self.gate.bundle.staged.as_ref()?;
        let (bundle, identity) = (&self.gate.bundle, &self.sender.identity);
        let caller = self.sender.caller.as_ref()?;
        let changed = decide::unchanged(bundle, self.changed, tool).is_err();
        let staged = decide::list(bundle, identity, caller, tool, self.facts).staged?;
        Some(changed || staged.is_err())
    }

    /// The denial of a tool that is listed otherwise than it is pinned, now or before.
    fn differs(&self, tool: &Tool, entry: Entry<'_>, changed: &mut Vec<Changed>) -> Option<Denial> {
        let now = entry.value.as_object().and_then(|listed| {
            let digest = tool.pin().difference(listed)?;
            Some(self.change(tool, &digest))
        });
        if now.is_none() {
            self.keep(tool, entry);
        }
        let refused = now.as_ref().map(|now| now.outcome.reason).filter(|it| it.is_refusal());
        changed.extend(now);
        let before = decide::unchanged(&self.gate.bundle, self.changed, tool).err();
        before.or_else(|| refused.map(Denial::because))
    }

    /// Keeps the text of a tool that is listed as it is pinned, unless a part of it is taken out.
    fn keep(&self, tool: &Tool, entry: Entry<'_>) {
        let bundle = &self.gate.bundle;
        if let Some(listed) = entry.value.as_object()
            && !is_withdrawn(tool, listed)
            && let (Some(text), Some(known)) = (entry.text, bundle.listed(self.server))
        {
            known.keep(tool.wire_name(), text, bundle.limits.response_bytes);
        }
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

    /// Takes the schema of the result out of a tool's description if parts of the result can be
    /// withheld: clients refuse a result that does not fit it.
    pub(super) fn withdraw_schema(&self, tool: &mut Value<'_>) -> bool {
        // The text of such a tool is not kept.
        if matches!(tool, Value::Raw(_)) {
            return false;
        }
        let known = self.tool(tool);
        let Value::Object(listed) = tool else { return false };
        let is_withdrawn = known.is_some_and(|tool| is_withdrawn(tool, listed));
        if is_withdrawn {
            listed.retain(|name, _| name != RESULT_SCHEMA);
        }
        is_withdrawn
    }

    /// What stands for a tool whose text is known.
    pub(super) fn known<'v>(&self, text: Element<'v>) -> Option<Value<'v>> {
        let known = self.gate.bundle.listed(self.server)?.tool(text.text);
        known.map(|_| Value::Raw(text.text.into()))
    }

    /// The tool of the inventory that an entry of a list is.
    fn tool(&self, entry: &Value<'_>) -> Option<&'g Tool> {
        let bundle = &self.gate.bundle;
        if let Value::Raw(text) = entry {
            return bundle.tool(self.server, &bundle.listed(self.server)?.tool(text)?);
        }
        bundle.tool(self.server, entry.as_object()?.get("name")?.as_str()?)
    }

    fn decided(&self, method: &str) -> Option<&'g Tool> {
        self.gate.bundle.method(self.server, method)
    }

    /// Why no call is permitted, with any arguments besides the one that is known.
    fn never(&self, tool: &Tool, known: Option<(&str, &Value<'_>)>) -> Option<Denial> {
        let Some(caller) = &self.sender.caller else { return Some(Denial::unfit()) };
        let (bundle, identity) = (&self.gate.bundle, &self.sender.identity);
        let listing = match known {
            None => decide::list(bundle, identity, caller, tool, self.facts),
            Some((name, value)) => match tool.argument(name, value) {
                Ok(known) => {
                    decide::list_knowing(bundle, identity, caller, tool, known, self.facts)
                }
                Err(_) => return Some(Denial::because(Reason::InvalidArguments)),
            },
        };
        listing.outcome.err()
    }

    /// Why a resource cannot be read. Its URI is all that a request has.
    fn denial(&self, tool: &Tool, uri: &Value<'_>) -> Option<Denial> {
        let Some(caller) = self.sender.caller.clone() else { return Some(Denial::unfit()) };
        let arguments = Object::single("uri", uri.clone());
        match Question::by(caller, &self.gate.bundle, tool, Some(&arguments), self.facts) {
            Ok(question) => {
                let (bundle, identity) = (&self.gate.bundle, &self.sender.identity);
                if bundle.memory.is_some() {
                    return decide::list_asked(bundle, identity, (tool, &["uri"]), &question).err();
                }
                decide::decide(bundle, identity, &question).outcome.err()
            }
            Err(denial) => Some(denial),
        }
    }
}

/// Whether a tool's description has a schema of the result that is taken out.
fn is_withdrawn(tool: &Tool, listed: &Object<'_>) -> bool {
    !tool.labels().is_empty() && listed.get(RESULT_SCHEMA).is_some()
}
