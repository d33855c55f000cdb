//! Lists of tools, resources and prompts, without those that the caller could not use.
//!
//! A list is known by its shape, a result with a member such as `tools`, and not by the request: on a
//! stream that is resumed, the answer to an earlier request arrives.

use super::entries::{Changed, Entries, Entry, Hidden, ListFlip, Viewer};
use crate::json::{Element, Object, Value};
use crate::reason::Reason;
use crate::tool::folded;

/// The member of a result that says who may share it. One list is for one caller.
const CACHE_SCOPE: &str = "cacheScope";

/// What became of the lists in a body or an event.
#[derive(Debug, Default)]
pub(super) struct Filtered {
    /// Whether the message differs from the upstream's.
    pub(super) is_changed: bool,
    /// The number of lists.
    pub(super) lists: usize,
    /// The number of entries that stay.
    pub(super) shown: usize,
    /// The entries that are taken out, and why.
    pub(super) hidden: Vec<(Hidden, Reason)>,
    /// The tools that differ from their pins.
    pub(super) changed: Vec<Changed>,
    /// The tools that shadow policies or a candidate would show or hide.
    pub(super) flips: Vec<ListFlip>,
    /// Whether there are more entries than are decided.
    pub(super) is_too_long: bool,
}

/// The most entries of lists in a body or an event. Policies decide each of them, in some ten
/// microseconds, and meanwhile the worker does nothing else.
const MOST_ENTRIES: usize = 10_000;

impl Viewer<'_> {
    /// Takes what the viewer could not use out of every list in a JSON-RPC message, or in a batch of
    /// them. The texts are those of the tools in a message.
    pub(super) fn filter<'v>(&self, message: &mut Value<'v>, texts: &[Element<'v>]) -> Filtered {
        let mut filtered = Filtered::default();
        match message {
            Value::Object(message) => self.filter_one(message, texts, &mut filtered),
            Value::Array(messages) => {
                for message in messages {
                    if let Value::Object(message) = message {
                        self.filter_one(message, &[], &mut filtered);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Raw(_) => {}
        }
        filtered
    }

    fn filter_one<'v>(
        &self,
        message: &mut Object<'v>,
        texts: &[Element<'v>],
        filtered: &mut Filtered,
    ) {
        filtered.is_changed |= drop_alike(message, "result");
        let Some(Value::Object(result)) = message.get_mut("result") else { return };
        let lists = Entries::ALL.into_iter().filter(|(_, entries)| self.filters(*entries));
        for (member, entries) in lists {
            filtered.is_changed |= drop_alike(result, member);
            let Some(list) = result.get_mut(member) else { continue };
            let texts = if entries == Entries::Tools { texts } else { &[] };
            self.filter_list(entries, list, texts, filtered);
            if let Some(scope) = result.get_mut(CACHE_SCOPE)
                && scope.as_str() != Some("private")
            {
                *scope = Value::String("private".into());
                filtered.is_changed = true;
            }
        }
    }

    fn filter_list<'v>(
        &self,
        entries: Entries,
        list: &mut Value<'v>,
        texts: &[Element<'v>],
        filtered: &mut Filtered,
    ) {
        filtered.lists = filtered.lists.saturating_add(1);
        // Clients could read another value as a list.
        let Value::Array(list) = list else {
            *list = Value::Array(Vec::new());
            filtered.is_changed = true;
            return;
        };
        let before = filtered.shown.saturating_add(filtered.hidden.len());
        if before.saturating_add(list.len()) > MOST_ENTRIES {
            filtered.is_too_long = true;
            return;
        }
        let mut texts = texts.iter().copied();
        list.retain_mut(|value| {
            let text = texts.next();
            let entry = Entry { value, text };
            let hidden = self.hides(entries, entry, &mut filtered.changed);
            let is_shown = hidden.is_none();
            if entries == Entries::Tools {
                filtered.flips.extend(self.flips(entry, !is_shown));
            }
            filtered.hidden.extend(hidden);
            // A client gets the same bytes the first time.
            if !matches!(value, Value::Raw(_))
                && let Some(known) = text.and_then(|text| self.known(text))
            {
                *value = known;
            }
            is_shown
        });
        if entries == Entries::Tools {
            for tool in list.iter_mut() {
                filtered.is_changed |= self.withdraw_schema(tool);
            }
        }
        filtered.shown = filtered.shown.saturating_add(list.len());
        filtered.is_changed |= !filtered.hidden.is_empty();
    }
}

/// Drops the members that some clients take for the one of this name, since they ignore case.
fn drop_alike(object: &mut Object<'_>, member: &str) -> bool {
    let before = object.len();
    object.retain(|name, _| name == member || folded(name) != member.to_lowercase());
    object.len() != before
}
