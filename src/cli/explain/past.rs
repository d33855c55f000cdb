//! The calls before the explained request, from a log or from the case.

use std::path::{Path, PathBuf};

use super::subject::Subject;
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::input::cases::Preceding;
use crate::cli::log::Recorded;
use crate::cli::log::history::History;
use crate::cli::log::lines::{self, Line};
use crate::cli::log::withheld::Reads;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::{Problem, counted};
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::memory::{Millis, Owners, Secret, Store};

/// What is remembered before the explained request.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) memory: Store,
    /// Whether earlier calls may count that are not known.
    is_incomplete: bool,
    /// Whether a log was read.
    is_of_log: bool,
}

impl Past {
    /// Reads the calls before a request from logs, and adds those of its case.
    pub(super) fn of(gate: &Gate, subject: &mut Subject, logs: &[PathBuf]) -> Result<Self, Stop> {
        let Some((arrival, body)) = &subject.request else { return Ok(Self::default()) };
        let mut past = Self { is_incomplete: true, ..Self::default() };
        if !logs.is_empty() {
            let of_call = subject.recorded.as_ref();
            past = past.read(gate, (arrival, body), of_call, logs, &mut subject.notes)?;
        }
        for Preceding { arrival, body, fails } in &subject.earlier {
            run::remembered(gate, (arrival, body), &mut past.memory, *fails);
        }
        Ok(past)
    }

    fn read(
        self,
        gate: &Gate,
        (arrival, body): (&Arrival, &[u8]),
        of_call: Option<&Recorded>,
        logs: &[PathBuf],
        notes: &mut Vec<String>,
    ) -> Result<Self, Stop> {
        let Some(plan) = &gate.bundle.memory else {
            notes.push("the bundle remembers nothing of earlier calls".to_owned());
            return Ok(self);
        };
        let (outcome, mut trace) = run::traced(gate, arrival, body, &self.memory);
        let posed = outcome.records.iter().find_map(|record| trace.take(record));
        // Without a Cedar request nothing remembered is read.
        let Some(posed) = posed else { return Ok(self) };
        let name = &gate.bundle.id.name;
        let owners = Owners::of(name, plan, &posed.identity, &Secret::default());
        let now = run::millis(arrival.time);
        let mut history = History::default();
        for log in logs {
            let mut before = true;
            let mut unreadable: usize = 0;
            for line in lines::lines(log)? {
                match line? {
                    Line::Record(recorded) => {
                        before &= of_call.is_none_or(|of_call| of_call.id != recorded.id);
                        if is_before(&recorded, now, before) {
                            history.add(gate, &recorded, Some(&owners));
                        }
                    }
                    Line::Unreadable(_) => unreadable = unreadable.saturating_add(1),
                    Line::Blank | Line::Other => {}
                }
            }
            if unreadable > 0 {
                let records = counted(unreadable, "record");
                notes.push(format!("{records} of `{}` cannot be read", log.display()));
            }
        }
        notes.push(counts(history.counted()));
        notes.extend(history.gaps());
        let late = history.begins_late(gate, now);
        if let Some(known) = late {
            let begins = match known {
                0 => "has nothing".to_owned(),
                known => format!("begins {}", shown(known)),
            };
            let all = shown(plan.horizon());
            notes.push(format!(
                "the log {begins} before this call, and calls count for up to {all}: what came \
                 before is not known"
            ));
        }
        let is_incomplete = late.is_some() || history.is_uncertain();
        Ok(Self { memory: history.into_store(), is_incomplete, is_of_log: true })
    }

    /// Whether an outcome that is not the recorded one may be due to calls that are not known.
    pub(super) fn may_matter(&self, gate: &Gate, recorded: &Recorded, outcome: &Outcome) -> bool {
        let recalls = |id: &String| {
            let policy = gate.bundle.all_layers().policy(&cedar_policy::PolicyId::new(id));
            policy.is_some_and(|(_, policy)| Reads::of(policy).remembered())
        };
        let depends = || {
            let policies = recorded.policies.iter().chain(&outcome.policies);
            History::matters([recorded.reason(), Some(outcome.reason)], policies, recalls)
        };
        self.is_incomplete && gate.bundle.memory.is_some() && depends()
    }

    /// What to do about it.
    pub(super) fn advice(&self) -> &'static str {
        if self.is_of_log {
            "the decision depends on earlier calls, of which the log does not tell all that counts"
        } else {
            "the decision depends on earlier calls: give the log with --after"
        }
    }
}

/// Refuses to read one stream twice.
pub(super) fn check(record: Option<&Path>, logs: &[PathBuf]) -> Result<(), Problem> {
    let streams = logs.iter().map(PathBuf::as_path).chain(record);
    if streams.filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(Problem::new("stdin can be read only once"));
    }
    Ok(())
}

/// Whether a record is of an earlier call: at the same time, those that stand first in the log.
fn is_before(recorded: &Recorded, now: Millis, stands_first: bool) -> bool {
    let time = recorded.time.parse().map(run::millis);
    time.is_ok_and(|time| time < now || time == now && stands_first)
}

fn counts(count: usize) -> String {
    match count {
        0 => "no record before this call is of the same accounts".to_owned(),
        1 => "1 record before this call, of the same accounts, counts".to_owned(),
        count => format!("{count} records before this call, of the same accounts, count"),
    }
}

/// A span of time in whole seconds.
fn shown(millis: Millis) -> String {
    humantime::format_duration(std::time::Duration::from_secs(millis / 1000)).to_string()
}
