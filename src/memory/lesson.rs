//! What the response to a call changes of what is remembered.

use std::collections::BTreeSet;

use super::account::{Account, Attached, Carried};
use super::asked::{Asked, Spend};
use super::bucket::Bucket;
use super::kept::Kept;
use super::tasks::{Made, Origin};
use super::working::Working;
use super::{ANY_TENANT, Key, Millis, Name, Owners, Plan, Slot, Stored, Unanswered, Write};
use crate::tool::Tool;

/// What the response to a forwarded call can change.
#[derive(Clone, Debug, Default)]
pub struct Lessons {
    /// If it succeeds.
    success: Vec<Lesson>,
    /// Before any of its data reaches the caller.
    arrival: Vec<Lesson>,
    /// If the server did not get it.
    unanswered: Vec<Lesson>,
    /// Whose the task is, if it makes one.
    origin: Option<Origin>,
}

/// A change to one account, or a further task.
#[derive(Clone, Debug)]
pub struct Lesson {
    key: Key,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Account(AccountChange),
    Task(Made),
}

#[derive(Clone, Debug)]
enum AccountChange {
    /// A label is gone that was attached up to this turn of the account.
    Cleared(Name, u64),
    /// Data with a label arrives, of a tenant if there is one.
    Arrived(Name, Option<String>),
    /// An amount that was spent at this time is given back.
    GivenBack(Spend, Millis),
}

impl Working<'_> {
    /// What the response to a call of this tool can change, if it spends budgets.
    pub fn lessons(&self, asked: &Asked, tool: &Tool, spends: bool) -> Lessons {
        let clears = self.plan.tool(tool).map(|plan| plan.clears.as_slice()).unwrap_or_default();
        let cleared = |label: &Name| {
            let label = *label;
            self.owners.histories().map(move |key| Lesson {
                key,
                kind: Kind::Account(AccountChange::Cleared(label, self.turn_at_opening(key))),
            })
        };
        let gives_back = self
            .spends(asked)
            .filter(|(_, budget, _)| spends && budget.unanswered == Unanswered::GiveBack)
            .map(|(spend, _, key)| {
                let change = AccountChange::GivenBack(spend.clone(), self.now);
                Lesson { key, kind: Kind::Account(change) }
            });
        let carried = asked.called.labels.iter().filter(|_| self.plan.history.is_some());
        let name = Some(asked.called.tool);
        let origin = self.owners.tasks.filter(|_| !tool.is_method());
        Lessons {
            origin: origin.map(|key| Origin { key, server: tool.server().to_owned(), tool: name }),
            success: clears.iter().flat_map(cleared).collect(),
            arrival: carried
                .flat_map(|it| self.owners.arrivals(it.label, it.tenant.as_deref()))
                .collect(),
            unanswered: gives_back.collect(),
        }
    }
}

impl Owners {
    fn arrivals(&self, label: Name, tenant: Option<&str>) -> impl Iterator<Item = Lesson> {
        let kind = Kind::Account(AccountChange::Arrived(label, tenant.map(str::to_owned)));
        self.histories().map(move |key| Lesson { key, kind: kind.clone() })
    }
}

impl Lessons {
    /// What the results of these tools change when they arrive, of whatever call they are.
    pub fn of_any<'t>(plan: &Plan, owners: &Owners, tools: impl Iterator<Item = &'t Tool>) -> Self {
        if plan.history.is_none() {
            return Self::default();
        }
        let carried = |tool: &'t Tool| {
            let whole = plan.tool(tool).map(|plan| plan.carries.iter().copied());
            let of_parts = tool.labels().iter().map(|label| Name::of(&label.name));
            whole.into_iter().flatten().chain(of_parts)
        };
        let carried: BTreeSet<Name> = tools.flat_map(carried).collect();
        let arrival =
            carried.into_iter().flat_map(|label| owners.arrivals(label, Some(ANY_TENANT)));
        Self { arrival: arrival.collect(), ..Self::default() }
    }

    /// The same, where a result of a call of any tool of a server can make a task.
    #[must_use]
    pub fn making_tasks(self, owners: &Owners, server: &str) -> Self {
        let origin = |key| Origin { key, server: server.to_owned(), tool: None };
        Self { origin: owners.tasks.map(origin), ..self }
    }

    /// Whether the body of the response is needed to know.
    pub fn need_body(&self) -> bool {
        !self.success.is_empty() || self.origin.is_some()
    }

    /// Whether nothing can change.
    pub fn is_empty(&self) -> bool {
        let changes = [&self.success, &self.arrival, &self.unanswered];
        changes.into_iter().all(Vec::is_empty) && self.origin.is_none()
    }

    /// The same, where no result tells what became of the call.
    #[must_use]
    pub fn without_result(self) -> Self {
        Self { success: Vec::new(), origin: None, ..self }
    }

    /// The changes of a call that succeeded.
    pub fn of_success(&self) -> &[Lesson] {
        &self.success
    }

    /// The change of a call that makes a task of this id, which the server keeps for so long.
    pub fn of_task(&self, id: &str, ttl: Option<Millis>) -> Option<Lesson> {
        let origin = self.origin.as_ref()?;
        Some(Lesson { key: origin.key, kind: Kind::Task(origin.made(id, ttl)) })
    }

    /// The changes before data of the response reaches the caller.
    pub fn of_arrival(&self) -> &[Lesson] {
        &self.arrival
    }

    /// Whether there are changes of a call that its server did not get.
    pub fn await_answer(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// The changes of a call that its server did not get. There are none afterwards.
    pub fn take_unanswered(&mut self) -> Vec<Lesson> {
        std::mem::take(&mut self.unanswered)
    }
}

impl Lesson {
    /// The slot of the account.
    pub fn slot(&self) -> Slot {
        self.key.slot
    }
}

impl Plan {
    /// What is to be stored for a change; `None` if there is nothing to change.
    pub fn learn(&self, lesson: &Lesson, stored: &Stored, now: Millis) -> Option<Write> {
        match &lesson.kind {
            Kind::Account(change) => self.change(lesson.key, change, stored, now),
            Kind::Task(made) => Some(self.keep(lesson.key, made, stored, now)),
        }
    }

    fn change(
        &self,
        key: Key,
        change: &AccountChange,
        stored: &Stored,
        now: Millis,
    ) -> Option<Write> {
        let mut bucket = Bucket::read(&stored.bytes)?;
        let mut account = bucket.account(key, now, &Kept::default())?;
        let before = account.clone();
        match change {
            AccountChange::Cleared(label, turn) => account.clear(*label, *turn),
            AccountChange::Arrived(label, tenant) => {
                account.arrive((*label, self.kept(*label)), tenant.as_deref(), now);
            }
            AccountChange::GivenBack(spend, at) => {
                let budget = self.budgets.get(spend.budget)?;
                account.give_back(budget, spend.part, spend.amount, *at, now);
            }
        }
        if account == before {
            return None;
        }
        let until = account.forget(self.reach(), now);
        bucket.store(key, &mut account, until, now, self.bucket_bytes);
        let (slot, version) = (key.slot, stored.version);
        Some(Write { slot, bytes: bucket.to_bytes(), version, changes: Vec::new() })
    }
}

impl Account {
    /// Attaches a label, unless that was done within a second and no call has come since: most
    /// responses then need no write.
    fn arrive(&mut self, (label, kept): (Name, Millis), tenant: Option<&str>, now: Millis) {
        let same = |it: &&Attached| it.label == label && it.tenant.as_deref() == tenant;
        let known = self.labels.iter().find(same).map(|attached| attached.at);
        let at = known.filter(|at| now.saturating_sub(*at) < 1000).unwrap_or(now);
        let tenant = tenant.map(str::to_owned);
        self.attach(&Carried { label, tenant, until: at.saturating_add(kept) }, at);
    }
}
