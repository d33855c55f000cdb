//! What is published and counted about a response: a trail of records.

use std::fmt::Write as _;

use super::entries::Hidden;
use super::lists::Filtered;
use super::look::Look;
use crate::exchange::effects::{Counter, filter_state};
use crate::gate::{Change, Gate};
use crate::reason::Reason;
use crate::record::{CallFields, Draft, Outcome, Record};

/// The most records about one response. A stream may have any number of lists.
const MOST_RECORDS: usize = 64;

/// The maximum length of the names of hidden tools in a record, in bytes.
const LONGEST_DETAIL: usize = 1024;

/// What is to be published and counted about a part of a response.
#[derive(Debug)]
pub struct Evidence {
    /// The records of the exchange so far, those of the request included; empty if none is added.
    records: Vec<Record>,
    counters: Vec<Counter>,
    changes: Vec<Change>,
}

impl Evidence {
    /// The filter state to publish, as keys and values.
    pub fn filter_state(&self) -> Vec<(&'static str, Vec<u8>)> {
        filter_state(&self.records)
    }

    /// The counters to increment.
    pub fn counters(&self) -> impl Iterator<Item = &Counter> {
        self.counters.iter()
    }

    /// The tools that differ from their pins, which all workers must know before anything is sent.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The evidence of two parts; the second has all records of the first.
    pub(super) fn joined(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        let (Some(first), Some(second)) = (&first, &second) else { return first.or(second) };
        let records = if second.records.is_empty() { &first.records } else { &second.records };
        Some(Self {
            records: records.clone(),
            counters: [first.counters.as_slice(), &second.counters].concat(),
            changes: [first.changes.as_slice(), &second.changes].concat(),
        })
    }
}

/// The records of an exchange, and those of its response.
#[derive(Debug)]
pub(super) struct Trail {
    pub(super) look: Look,
    records: Vec<Record>,
    /// The number of records about the response.
    recorded: usize,
}

impl Trail {
    /// The trail of a response to a request with these records.
    pub(super) fn new(look: Look, records: Vec<Record>) -> Self {
        Self { look, records, recorded: 0 }
    }

    /// The evidence of lists: tools that are hidden or differ from their pins are counted, a
    /// difference that nobody knew is recorded, and the lists are if the bundle asks for it.
    pub(super) fn lists(&mut self, gate: &Gate, filtered: &Filtered) -> Option<Evidence> {
        if filtered.lists == 0 {
            return None;
        }
        let before = self.recorded;
        let differing = filtered.changed.iter();
        for changed in differing.clone().filter(|changed| changed.is_new) {
            self.add(gate, changed.outcome.clone(), Some(CallFields::of(&changed.tool)));
        }
        if gate.bundle.records_lists {
            let detail = Some(told(filtered));
            self.add(gate, Outcome { detail, ..Outcome::because(Reason::Listed) }, None);
        }
        let is_recorded = self.recorded > before;
        let records = if is_recorded { self.records.clone() } else { Vec::new() };
        let hidden = filtered.hidden.iter().map(|(tool, reason)| match tool {
            Hidden::Known(name) => Counter::hidden(Some(name), *reason),
            Hidden::Unknown => Counter::hidden(None, *reason),
        });
        let tolerated = differing.clone().filter(|changed| !changed.outcome.reason.is_refusal());
        let tolerated =
            tolerated.map(|it| Counter::in_response(Some(&it.tool.name), it.outcome.reason));
        let flips = filtered.flips.iter();
        let flips = flips.map(|flip| Counter::list_flip(flip.by, &flip.tool, flip.hides));
        let counters = hidden.chain(tolerated).chain(flips).collect();
        let changes = differing.map(|changed| changed.change.clone()).collect();
        Some(Evidence { records, counters, changes })
    }

    /// The evidence of a refusal, and its draft.
    pub(super) fn refusal(
        &mut self,
        gate: &Gate,
        reason: Reason,
        detail: &str,
    ) -> (Draft, Evidence) {
        let outcome = Outcome { detail: Some(detail.to_owned()), ..Outcome::because(reason) };
        let draft = self.draft(outcome.clone(), None);
        let records = if self.add(gate, outcome, None) { self.records.clone() } else { Vec::new() };
        let counters = vec![Counter::in_response(None, reason)];
        (draft, Evidence { records, counters, changes: Vec::new() })
    }

    fn draft(&self, outcome: Outcome, tool: Option<CallFields>) -> Draft {
        let index = self.look.messages.saturating_add(self.recorded);
        let draft = Draft::new(&self.look.request, index, outcome, None);
        draft.about(self.look.method.map(Into::into), tool)
    }

    /// Adds a record unless there are too many.
    fn add(&mut self, gate: &Gate, outcome: Outcome, tool: Option<CallFields>) -> bool {
        if self.recorded == MOST_RECORDS {
            return false;
        }
        let record = self.draft(outcome, tool).finish(gate, None);
        self.recorded = self.recorded.saturating_add(1);
        self.records.push(record);
        true
    }
}

/// What became of lists, in words.
fn told(filtered: &Filtered) -> String {
    let Filtered { shown, hidden, .. } = filtered;
    let mut told = format!("{shown} shown, {} hidden", hidden.len());
    let known = hidden.iter().filter_map(|(tool, _)| match tool {
        Hidden::Known(name) => Some(&**name),
        Hidden::Unknown => None,
    });
    // What a method is about has its name.
    let mut known: Vec<&str> = known.collect();
    known.dedup();
    for (position, name) in known.into_iter().enumerate() {
        if told.len().saturating_add(name.len()) > LONGEST_DETAIL {
            told.push_str(", and others");
            break;
        }
        told.push_str(if position == 0 { ": " } else { ", " });
        told.push_str(name);
    }
    for by in ["shadow", "candidate"] {
        let of =
            |hides| filtered.flips.iter().filter(|it| it.by == by && it.hides == hides).count();
        if let (hidden, shown) = (of(true), of(false))
            && hidden.saturating_add(shown) > 0
        {
            let _ = write!(told, "; {by}: {hidden} more hidden, {shown} more shown");
        }
    }
    told
}
