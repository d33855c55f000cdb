//! The effects that an edge carries out at the end of an exchange, as a value.

use std::fmt::{Display, Formatter};
use std::sync::Arc;

use crate::decide::Permits;
use crate::header;
use crate::memory::Write;
use crate::reason::{Decision, Reason};
use crate::record::{self, Flip, Record};
use crate::refusal::{Replacement, Reply};

/// The filter state key of the records, one per line.
const RECORD: &str = "toolgate.record";

/// The filter state key of the short form of the deciding record, an encoded
/// `google.protobuf.Struct`.
pub const OBJECT: &str = "toolgate";

/// The name of the histogram of the duration of the deciding step, in microseconds.
pub const DURATION: &str = "toolgate.decision_us";

/// The effects of an exchange. An edge stores what is remembered, changes the headers, replaces the body, publishes the records,
/// increments the counters and ends the exchange, in this order. If a step before the end fails,
/// nothing goes to the upstream.
#[derive(Debug)]
pub struct Effects {
    /// How the request ends.
    pub ending: Ending,
    /// Changes to the headers of what goes to the upstream, in this order.
    pub headers: Vec<HeaderChange>,
    /// What is to be stored in memory before anything else, if the versions are still the same.
    pub memory: Vec<Write>,
    /// The records: one per call, one per refused message, or one for the whole request.
    /// Housekeeping has a record only if a candidate would refuse it.
    pub records: Vec<Record>,
}

/// How a request ends.
#[derive(Debug)]
pub enum Ending {
    /// It is forwarded to the upstream. The permits of its messages are the proof that it may pass.
    Forward(Permits),
    /// It is refused, and the upstream gets a message of the gate in its place, with the headers of
    /// the request as changed.
    Replace(Replacement),
    /// The gate replies to it.
    Reply(Reply),
}

/// A change to a request's headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderChange {
    /// Remove every field of this name.
    Remove(String),
    /// Make this the only field of its name.
    Set(&'static str, String),
}

/// A counter. Its text form contains the labels, which `stats_tags` in Envoy's bootstrap turns into
/// tags. Only tools of the inventory are named, so that callers cannot create counters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Counter {
    tool: Label,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Kind {
    Call(Reason),
    Hidden(Reason),
    Flip { by: &'static str, from: Decision, to: Decision },
    ListFlip { by: &'static str, hides: bool },
}

/// The tool label of a counter.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Label {
    None,
    Unknown,
    Known(Arc<str>),
}

impl Effects {
    /// The value of the header `toolgate-decision` that the upstream gets.
    pub fn decision(&self) -> Option<&str> {
        self.headers.iter().find_map(|change| match change {
            HeaderChange::Set(name, value) if *name == header::DECISION => Some(value.as_str()),
            HeaderChange::Set(..) | HeaderChange::Remove(_) => None,
        })
    }

    /// The filter state to publish, as keys and values.
    pub fn filter_state(&self) -> Vec<(&'static str, Vec<u8>)> {
        filter_state(&self.records)
    }

    /// The counters to increment.
    pub fn counters(&self) -> impl Iterator<Item = Counter> {
        self.records.iter().flat_map(|record| {
            let tool = Label::of(record);
            let kinds = record.flips().map(|Flip { by, from, to }| Kind::Flip { by, from, to });
            std::iter::once(Kind::Call(record.reason))
                .chain(kinds)
                .map(move |kind| Counter { tool: tool.clone(), kind })
        })
    }
}

/// The filter state for records, as keys and values.
pub(super) fn filter_state(records: &[Record]) -> Vec<(&'static str, Vec<u8>)> {
    if records.is_empty() {
        return Vec::new();
    }
    let lines = record::to_lines(records).into_bytes();
    vec![(RECORD, lines), (OBJECT, record::to_object(records))]
}

impl Counter {
    /// The counter of what became of a response, or of a tool in it.
    pub(super) fn in_response(tool: Option<&Arc<str>>, reason: Reason) -> Self {
        let tool = tool.map_or(Label::None, |tool| Label::Known(Arc::clone(tool)));
        Self { tool, kind: Kind::Call(reason) }
    }

    /// The counter of a tool that other policies would show or hide.
    pub(super) fn list_flip(by: &'static str, tool: &Arc<str>, hides: bool) -> Self {
        Self { tool: Label::Known(Arc::clone(tool)), kind: Kind::ListFlip { by, hides } }
    }

    /// The counter of a tool that is not in a list, and why.
    pub(super) fn hidden(tool: Option<&Arc<str>>, reason: Reason) -> Self {
        let tool = tool.map_or(Label::Unknown, |tool| Label::Known(Arc::clone(tool)));
        Self { tool, kind: Kind::Hidden(reason) }
    }
}

impl Label {
    fn of(record: &Record) -> Self {
        match &record.tool {
            Some(tool) if record.known => Self::Known(Arc::clone(tool)),
            Some(_) => Self::Unknown,
            None => Self::None,
        }
    }
}

impl Display for Counter {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Kind::Call(reason) => {
                let (decision, reason) = (reason.decision().token(), reason.as_str());
                write!(f, "toolgate.calls.decision.{decision}.reason.{reason}")?;
            }
            Kind::Hidden(reason) => write!(f, "toolgate.hidden.reason.{}", reason.as_str())?,
            Kind::ListFlip { by, hides } => {
                let [from, to] = if hides { ["shown", "hidden"] } else { ["hidden", "shown"] };
                write!(f, "toolgate.flips.by.{by}.from.{from}.to.{to}")?;
            }
            Kind::Flip { by, from, to } => {
                let (from, to) = (from.token(), to.token());
                write!(f, "toolgate.flips.by.{by}.from.{from}.to.{to}")?;
            }
        }
        let tool = match &self.tool {
            Label::None => "none",
            Label::Unknown => "unknown",
            Label::Known(tool) => tool,
        };
        write!(f, ".tool.{tool}")
    }
}
