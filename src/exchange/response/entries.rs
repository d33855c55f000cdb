//! The entries of lists: which of them are not for a viewer, and why.

use std::sync::Arc;

use crate::decide::{self, Denial, Facts, Question};
use crate::gate::{Gate, Sender};
use crate::json::{Object, Value};
use crate::reason::Reason;
use crate::tool::Tool;

/// An entry that is taken out of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Hidden {
    /// A tool of the inventory, or what a method is about, by the qualified name of either.
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
}

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
    pub(super) fn hides(&self, entries: Entries, entry: &Value<'_>) -> Option<(Hidden, Reason)> {
        let member = |name| entry.as_object().and_then(|entry| entry.get(name));
        let tool = match entries.method() {
            Some(method) => self.decided(method),
            None => member("name")
                .and_then(Value::as_str)
                .and_then(|name| self.gate.bundle.tool(self.server, name)),
        };
        let Some(tool) = tool else { return Some((Hidden::Unknown, Reason::UnknownTool)) };
        let denial = match entries {
            Entries::Tools | Entries::Templates => self.never(tool, None),
            Entries::Prompts => {
                self.never(tool, Some(("name", member("name").unwrap_or(&Value::Null))))
            }
            Entries::Resources => self.denial(tool, member("uri").unwrap_or(&Value::Null)),
        }?;
        Some((Hidden::Known(Arc::clone(&tool.noted().name)), denial.reason))
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
                decide::decide(&self.gate.bundle, &self.sender.identity, &question).outcome.err()
            }
            Err(denial) => Some(denial),
        }
    }
}
