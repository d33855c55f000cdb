//! What is published and counted about a response: a trail of records.

use super::entries::Hidden;
use super::lists::Filtered;
use super::look::Look;
use crate::exchange::effects::{Counter, filter_state};
use crate::gate::Gate;
use crate::reason::Reason;
use crate::record::{Draft, Outcome, Record};

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

    /// The evidence of two parts; the second has all records of the first.
    pub(super) fn joined(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        let (Some(first), Some(second)) = (&first, &second) else { return first.or(second) };
        let records = if second.records.is_empty() { &first.records } else { &second.records };
        Some(Self {
            records: records.clone(),
            counters: [first.counters.as_slice(), &second.counters].concat(),
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

    /// The evidence of lists: tools that are hidden are counted, and the lists are recorded if the
    /// bundle asks for it.
    pub(super) fn lists(&mut self, gate: &Gate, filtered: &Filtered) -> Option<Evidence> {
        if filtered.lists == 0 {
            return None;
        }
        let mut records = Vec::new();
        if gate.bundle.records_lists {
            let detail = Some(told(filtered));
            records = self.add(gate, Outcome { detail, ..Outcome::because(Reason::Listed) });
        }
        let hidden = filtered.hidden.iter();
        let counters = hidden.map(|(tool, reason)| match tool {
            Hidden::Known(name) => Counter::hidden(Some(name), *reason),
            Hidden::Unknown => Counter::hidden(None, *reason),
        });
        Some(Evidence { records, counters: counters.collect() })
    }

    /// The evidence of a refusal, and its draft.
    pub(super) fn refusal(
        &mut self,
        gate: &Gate,
        reason: Reason,
        detail: &str,
    ) -> (Draft, Evidence) {
        let outcome = Outcome { detail: Some(detail.to_owned()), ..Outcome::because(reason) };
        let draft = self.draft(outcome.clone());
        let records = self.add(gate, outcome);
        (draft, Evidence { records, counters: vec![Counter::refused(reason)] })
    }

    fn draft(&self, outcome: Outcome) -> Draft {
        let index = self.look.messages.saturating_add(self.recorded);
        let draft = Draft::new(&self.look.request, index, outcome, None);
        draft.about(self.look.method.map(Into::into), None)
    }

    /// Adds a record, and returns all; none if there are too many.
    fn add(&mut self, gate: &Gate, outcome: Outcome) -> Vec<Record> {
        if self.recorded == MOST_RECORDS {
            return Vec::new();
        }
        let record = self.draft(outcome).finish(gate, None);
        self.recorded = self.recorded.saturating_add(1);
        self.records.push(record);
        self.records.clone()
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
    told
}
