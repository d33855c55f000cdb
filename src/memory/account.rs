//! What is remembered under one key.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::reach::Reach;
use super::repeats::Repeats;
use super::seen::Seen;
use super::settings::Storm;
use super::signs::Signs;
use super::table::Table;
use super::usage::Usage;
use super::{ANY_TENANT, Budget, Millis, Name};

/// The most tenants that are told apart for one label. The next one stands for any.
const MOST_TENANTS: usize = 16;

/// What somebody, or a transaction, has done, and what is used of the budgets that have the same key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Account {
    /// Until when earlier entries may be missing.
    incomplete_until: Millis,
    /// It grows with every call: the order in which they came, whatever workers' clocks say.
    pub(super) turn: u64,
    /// How far back calls, sums and refusals count.
    pub(super) reach: Reach,
    /// The forwarded calls of each tool.
    pub(super) tools: Table<Name, Log>,
    /// The sums of arguments, each under its name.
    pub(super) sums: Table<Name, Log>,
    pub(super) refusals: Log,
    pub(super) resources: Seen,
    pub(super) calls: Repeats,
    /// The last call, and how often it was made in a row.
    pub(super) in_a_row: Option<(Name, u64)>,
    pub(super) labels: Vec<Attached>,
    /// Until when refusals count as a storm.
    pub(super) storm_until: Millis,
    /// The signs of running away that were noticed.
    pub(super) signs: Signs,
    /// What is used of a budget, for each of its parts.
    pub(super) usages: Table<(Name, Name), Usage>,
}

/// A label of data that a call returned.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Attached {
    /// The label.
    pub(super) label: Name,
    /// The tenant of the data.
    pub(super) tenant: Option<String>,
    /// When the data was last returned.
    pub(super) at: Millis,
    /// Until when it stays.
    pub(super) until: Millis,
    /// The account's turn then.
    pub(super) turn: u64,
}

/// A call that is forwarded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Called {
    /// When.
    pub(super) at: Millis,
    /// The tool.
    pub(super) tool: Name,
    /// The resource, where resources are counted.
    pub(super) resource: Option<Name>,
    /// The tool and its arguments, where repeated calls are counted.
    pub(super) call: Option<Name>,
    /// The amounts for sums.
    pub(super) sums: Vec<(Name, i64)>,
    /// The labels of the result.
    pub(super) labels: Vec<Carried>,
}

/// A label of a result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Carried {
    /// The label.
    pub(super) label: Name,
    /// The tenant of the data.
    pub(super) tenant: Option<String>,
    /// Until when it stays.
    pub(super) until: Millis,
}

impl Account {
    /// An account that begins now, and of which earlier entries may be missing until a time. Its turns
    /// are higher than those of an account that was forgotten.
    pub(super) fn new(now: Millis, until: Millis) -> Self {
        Self { incomplete_until: until, turn: now, ..Self::default() }
    }

    /// Whether earlier entries may be missing.
    pub(super) fn is_incomplete(&self, now: Millis) -> bool {
        now < self.incomplete_until
    }

    /// What is used of a part of a budget.
    pub(super) fn usage(&self, budget: &Budget, part: Name) -> Cow<'_, Usage> {
        let known = self.usages.get((budget.name, part));
        known.map_or_else(|| Cow::Owned(Usage::new(budget)), Cow::Borrowed)
    }

    /// Adds a forwarded call.
    pub(super) fn call(&mut self, call: &Called) {
        self.turn = self.turn.saturating_add(1);
        self.tools.change(call.tool, Log::default, |log| log.push(call.at, 0));
        for (name, amount) in &call.sums {
            self.sums.change(*name, Log::default, |log| log.push(call.at, *amount));
        }
        if let Some(resource) = call.resource {
            self.resources.add(resource, call.at);
        }
        if let Some(call_name) = call.call {
            self.calls.add(call_name, call.at);
            self.in_a_row = match self.in_a_row {
                Some((last, times)) if last == call_name => Some((last, times.saturating_add(1))),
                Some(_) | None => Some((call_name, 1)),
            };
        }
        for carried in &call.labels {
            self.attach(carried, call.at);
        }
    }

    /// Takes a call back that was not forwarded after all. Labels stay.
    pub(super) fn uncall(&mut self, call: &Called) {
        if let Some(log) = self.tools.get_mut(call.tool) {
            log.take_back(call.at, 0);
        }
        for (name, amount) in &call.sums {
            if let Some(log) = self.sums.get_mut(*name) {
                log.take_back(call.at, *amount);
            }
        }
        if let Some(resource) = call.resource {
            self.resources.take_back(resource, call.at);
        }
        if let Some(call_name) = call.call {
            self.calls.take_back(call_name, call.at);
            if let Some((last, times)) = &mut self.in_a_row
                && *last == call_name
            {
                *times = times.saturating_sub(1);
            }
        }
    }

    /// Adds a refusal.
    pub(super) fn refuse(&mut self, at: Millis) {
        self.refusals.push(at, 0);
    }

    /// Begins a storm of refusals, or prolongs it, if there are enough.
    pub(super) fn storm(&mut self, storm: &Storm, at: Millis) {
        let since = at.checked_sub(storm.within.millis());
        if self.refusals.after(since).count >= u64::from(storm.count) {
            self.storm_until = self.storm_until.max(at.saturating_add(storm.lasts.millis()));
        }
    }

    /// Takes a refusal back.
    pub(super) fn unrefuse(&mut self, at: Millis) {
        self.refusals.take_back(at, 0);
    }

    /// Reserves an amount of a budget.
    pub(super) fn spend(&mut self, budget: &Budget, part: Name, amount: i64, at: Millis) {
        let spend = |usage: &mut Usage| usage.spend(budget, amount, at);
        self.usages.change((budget.name, part), || Usage::new(budget), spend);
    }

    /// Gives back an amount of a budget that was reserved at a time.
    pub(super) fn give_back(
        &mut self,
        budget: &Budget,
        part: Name,
        amount: i64,
        spent: Millis,
        now: Millis,
    ) {
        if let Some(usage) = self.usages.get_mut((budget.name, part)) {
            usage.give_back(budget, amount, spent, now);
        }
    }

    /// Attaches a label.
    pub(super) fn attach(&mut self, carried: &Carried, at: Millis) {
        let Carried { label, tenant, until } = carried;
        let of_label = || self.labels.iter().filter(|attached| attached.label == *label);
        let is_known = of_label().any(|attached| attached.tenant == *tenant);
        let is_full = !is_known && of_label().count() >= MOST_TENANTS;
        let tenant = if is_full { Some(ANY_TENANT.to_owned()) } else { tenant.clone() };
        let same = |attached: &&mut Attached| attached.label == *label && attached.tenant == tenant;
        if let Some(attached) = self.labels.iter_mut().find(same) {
            attached.at = attached.at.max(at);
            attached.until = attached.until.max(*until);
            attached.turn = self.turn;
        } else {
            let (label, until, turn) = (*label, *until, self.turn);
            self.labels.push(Attached { label, tenant, at, until, turn });
        }
    }

    /// Removes a label that was attached up to this turn.
    pub(super) fn clear(&mut self, label: Name, turn: u64) {
        self.labels.retain(|attached| attached.label != label || attached.turn > turn);
    }

    /// Forgets what does not count any more, for a bundle whose windows reach back this far and for any
    /// other. Returns when all of it can be forgotten.
    pub(super) fn forget(&mut self, reach: Millis, now: Millis) -> Millis {
        self.reach.extend(reach, now);
        let until = self.reach.begins(now);
        for logs in [&mut self.tools, &mut self.sums] {
            logs.retain(|log| {
                log.forget(until);
                !log.is_empty()
            });
        }
        self.refusals.forget(until);
        self.resources.forget(until);
        self.calls.forget(until);
        self.labels.retain(|attached| attached.until > now);
        self.usages.retain(|usage| usage.until() > now);
        self.until()
    }

    /// When all of it can be forgotten.
    fn until(&self) -> Millis {
        let histories = self.tools.values().chain([&self.refusals]).filter_map(Log::last);
        let histories = histories.map(|at| self.reach.ends(at));
        let labels = self.labels.iter().map(|attached| attached.until);
        let budgets = self.usages.values().map(Usage::until);
        let marks = [self.incomplete_until, self.storm_until];
        histories.chain(labels).chain(budgets).chain(marks).max().unwrap_or_default()
    }

    /// Takes less space, without counting less. What is given up first matters least. Returns whether it
    /// could.
    pub(super) fn shrink(&mut self) -> bool {
        self.calls.join_cells()
            || self.shrink_logs()
            || self.calls.shrink()
            || !self.resources.halve().is_empty()
            || self.join_tenants()
    }

    /// Forgets everything, and says until when this matters.
    pub(super) fn lose(&mut self, until: Millis) {
        let incomplete_until = self.incomplete_until.max(until);
        *self = Self { incomplete_until, turn: self.turn, ..Self::default() };
    }

    /// Joins times. Returns whether it could.
    fn shrink_logs(&mut self) -> bool {
        // Each of them, whatever the others can.
        let mut has_shrunk = self.refusals.shrink();
        for log in self.tools.values_mut().chain(self.sums.values_mut()) {
            has_shrunk |= log.shrink();
        }
        for usage in self.usages.values_mut() {
            has_shrunk |= usage.shrink();
        }
        has_shrunk |= self.resources.shrink_logs();
        has_shrunk | self.calls.shrink_logs()
    }

    /// Takes the tenants of each label for any. Returns whether it had to.
    fn join_tenants(&mut self) -> bool {
        let before = std::mem::take(&mut self.labels);
        for attached in &before {
            let tenant = attached.tenant.as_ref().map(|_| ANY_TENANT.to_owned());
            match self.labels.iter_mut().find(|known| known.label == attached.label) {
                Some(known) => {
                    known.tenant = known.tenant.take().or(tenant);
                    known.at = known.at.max(attached.at);
                    known.until = known.until.max(attached.until);
                    known.turn = known.turn.max(attached.turn);
                }
                None => self.labels.push(Attached { tenant, ..attached.clone() }),
            }
        }
        self.labels != before
    }
}
