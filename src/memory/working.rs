//! The accounts of one request while it is decided.

use std::sync::Arc;

use super::account::{Account, Called};
use super::asked::{Asked, Particulars, Spend, Uncountable, amount};
use super::bucket::Bucket;
use super::signs::Signs;
use super::{Amount, Budget, Key, Millis, Name, Owners, Plan, Slot};
use crate::policy::ArgumentValue;
use crate::tool::Tool;

/// What an edge reads of the shared memory for one request.
#[derive(Clone, Debug, Default)]
pub struct Recalled {
    /// The time, in milliseconds of a clock that nobody sets.
    pub now: Millis,
    /// The values of the slots that were asked for.
    pub slots: Vec<(Slot, Stored)>,
    /// What was stored before, for the same request, until something could not be stored.
    pub stored: Vec<Write>,
}

/// A stored value.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The bytes; none, if nothing was stored.
    pub bytes: Vec<u8>,
    /// The version, which another write changes.
    pub version: Option<u32>,
}

/// A value to store, if its version is still the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Write {
    /// Where.
    pub slot: Slot,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The version of what was read.
    pub version: Option<u32>,
    /// What it changes, to be taken back if not everything can be stored.
    pub(super) changes: Vec<(Key, Change)>,
}

/// A change to an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Change {
    Called(Called),
    Refused(Millis),
    Spent(Spend, Millis),
    Noticed { before: Signs, now: Signs },
}

/// What a call spends of a budget, or would spend.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Spending {
    /// The name of the budget.
    pub budget: Arc<str>,
    /// How much of it was used before.
    pub used: Amount,
    /// What the call spends.
    pub amount: Amount,
    /// The limit.
    pub limit: Amount,
}

impl Spending {
    /// Whether the call would exceed the budget.
    pub fn exceeds(&self) -> bool {
        self.used.units().saturating_add(self.amount.units()) > self.limit.units()
    }
}

/// A budget that a call exceeds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exceeded {
    /// What it would spend.
    pub spending: Spending,
    /// In how many milliseconds it would fit; `None` if it never does.
    pub wait: Option<Millis>,
}

impl Exceeded {
    /// In how many seconds the call would fit; `None` if it never does.
    pub fn seconds(&self) -> Option<u64> {
        self.wait.map(|wait| wait.div_ceil(1000))
    }

    fn outlasts(&self, other: &Self) -> bool {
        match (self.wait, other.wait) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(wait), Some(other)) => wait > other,
        }
    }
}

/// The accounts of one request.
#[derive(Debug)]
pub struct Working<'a> {
    pub(super) plan: &'a Plan,
    pub(super) owners: &'a Owners,
    pub(super) now: Millis,
    // There are only a few of each, for which a list is faster than a map.
    buckets: Vec<Opened<'a>>,
    accounts: Vec<Held>,
}

/// A bucket while a request is decided.
#[derive(Debug)]
struct Opened<'a> {
    slot: Slot,
    bucket: Bucket<'a>,
    version: Option<u32>,
    changes: Vec<(Key, Change)>,
}

/// An account while a request is decided.
#[derive(Debug)]
struct Held {
    key: Key,
    account: Account,
    /// Its turn before the calls of this request.
    turn: u64,
    /// Whether it differs from what is stored.
    is_touched: bool,
}

impl<'a> Working<'a> {
    /// The accounts of a sender, without what was stored before for the same request. Of what was not
    /// read, or does not parse, nothing is known.
    pub fn open(plan: &'a Plan, owners: &'a Owners, recalled: Option<&'a Recalled>) -> Self {
        let read = |(slot, stored): &'a (Slot, Stored)| {
            let (bucket, version) = (Bucket::read(&stored.bytes)?, stored.version);
            Some(Opened { slot: *slot, bucket, version, changes: Vec::new() })
        };
        let slots = recalled.iter().flat_map(|recalled| &recalled.slots);
        let slots = slots.filter(|(slot, _)| slot.has_accounts());
        let mut buckets: Vec<_> = slots.filter_map(read).collect();
        let now = recalled.map_or(0, |recalled| recalled.now);
        let mut accounts = Vec::with_capacity(owners.accounts.len());
        for key in owners.accounts.iter().copied() {
            let opened = buckets.iter().find(|opened| opened.slot == key.slot);
            let account = opened.and_then(|opened| opened.bucket.account(key, now, owners.kept()));
            if account.is_none() {
                // A bucket that is only half understood must not be written: the request fails instead.
                buckets.retain(|opened| opened.slot != key.slot);
            }
            let account = account.unwrap_or_else(|| Account::new(now, Millis::MAX));
            accounts.push(Held { key, turn: account.turn, account, is_touched: false });
        }
        let mut working = Self { plan, owners, now, buckets, accounts };
        let stored = recalled.iter().flat_map(|recalled| &recalled.stored);
        for (key, change) in stored.flat_map(|write| &write.changes) {
            working.revoke(*key, change);
        }
        working
    }

    /// What the bundle has remembered.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// A call of a tool with these arguments.
    pub fn ask(
        &self,
        tool: &Tool,
        input: &ArgumentValue<'_>,
        particulars: &Particulars,
    ) -> Result<Asked, Uncountable> {
        let Some(plan) = self.plan.tool(tool) else {
            return Ok(Asked::of(self.now, Name::default()));
        };
        let mut asked = Asked::of(self.now, plan.name);
        for (name, path) in &plan.sums {
            asked.called.sums.push((*name, amount(input, path)?));
        }
        for place in &plan.budgets {
            let Some(budget) = self.plan.budgets.get(*place) else { continue };
            let amount = budget.amount_of(plan, |path| amount(input, path))?;
            asked.spend(*place, budget, plan, amount);
        }
        asked.complete(self.plan, plan, particulars);
        Ok(asked)
    }

    /// Of the budgets of this proxy that a call exceeds, the one into which it fits last.
    pub fn exceeded(&self, asked: &Asked) -> Option<Exceeded> {
        let exceeded = self.spends_here(asked).filter_map(|it| self.exceeding(it));
        exceeded.reduce(|known, next| if next.outlasts(&known) { next } else { known })
    }

    pub(super) fn exceeding(
        &self,
        (spend, budget, key): (&Spend, &Budget, Key),
    ) -> Option<Exceeded> {
        let usage = self.account(key)?.usage(budget, spend.part);
        let wait = usage.wait(budget, spend.amount, self.now);
        (wait != Some(0)).then(|| Exceeded { spending: self.spending(spend, budget, key), wait })
    }

    /// What a call spends of each budget.
    pub fn spendings(&self, asked: &Asked) -> impl Iterator<Item = Spending> {
        self.spends(asked).map(|(spend, budget, key)| self.spending(spend, budget, key))
    }

    pub(super) fn spending(&self, spend: &Spend, budget: &Budget, key: Key) -> Spending {
        let account = self.account(key);
        let used = account.map_or(0, |it| it.usage(budget, spend.part).used(budget, self.now));
        Spending {
            budget: Arc::clone(&budget.title),
            used: Amount::of_units(used),
            amount: Amount::of_units(spend.amount),
            limit: budget.limit,
        }
    }

    /// Whether entries of an account may be missing that a call's budgets are counted in.
    pub fn is_incomplete(&self, asked: &Asked) -> bool {
        self.spends_here(asked).any(|(_, _, key)| self.is_missing(key))
    }

    /// Whether entries of the sender's history may be missing.
    pub fn has_incomplete_history(&self) -> bool {
        self.owners.histories().any(|key| self.is_missing(key))
    }

    pub(super) fn is_missing(&self, key: Key) -> bool {
        self.account(key).is_none_or(|account| account.is_incomplete(self.now))
    }

    /// Adds a call that is forwarded, and reserves its amounts.
    pub fn forward(&mut self, asked: &Asked, spends: bool) {
        for key in self.owners.histories() {
            self.apply(key, Change::Called(asked.called.clone()));
        }
        for (spend, _, key) in self.spends(asked).filter(|_| spends) {
            self.apply(key, Change::Spent(spend.clone(), self.now));
        }
    }

    /// Adds a refused call.
    pub fn refuse(&mut self) {
        for key in self.owners.histories() {
            self.apply(key, Change::Refused(self.now));
        }
    }

    /// What is to be stored; `None` if the slot of an account was not read, or does not parse.
    pub fn into_writes(self) -> Option<Vec<Write>> {
        let Self { plan, owners, now, buckets, mut accounts } = self;
        accounts.retain(|held| held.is_touched);
        let is_open = |held: &Held| buckets.iter().any(|opened| opened.slot == held.key.slot);
        if !accounts.iter().all(is_open) {
            return None;
        }
        let write = |Opened { slot, mut bucket, version, changes }: Opened<'_>| {
            let mut of_slot = accounts.iter_mut().filter(|held| held.key.slot == slot).peekable();
            of_slot.peek()?;
            for Held { key, account, .. } in of_slot {
                let until = account.forget(plan.reach(), now);
                bucket.store(*key, account, until, now, plan.bucket_bytes);
                if let Some(form) = bucket.form(*key) {
                    owners.kept().keep(*key, form, std::mem::take(account));
                }
            }
            Some(Write { slot, bytes: bucket.to_bytes(), version, changes })
        };
        Some(buckets.into_iter().filter_map(write).collect())
    }

    pub(super) fn apply(&mut self, key: Key, change: Change) {
        let Some(Held { account, is_touched, .. }) = held(&mut self.accounts, key) else { return };
        *is_touched = true;
        match &change {
            Change::Called(called) => account.call(called),
            Change::Refused(at) => {
                account.refuse(*at);
                let storm = self.plan.runaway.as_ref().and_then(|it| it.refusals.as_ref());
                if let Some(storm) = storm {
                    account.storm(storm, *at);
                }
            }
            Change::Spent(spend, at) => {
                if let Some(budget) = self.plan.budgets.get(spend.budget) {
                    account.spend(budget, spend.part, spend.amount, *at);
                }
            }
            Change::Noticed { now, .. } => account.signs = *now,
        }
        if let Some(opened) = self.buckets.iter_mut().find(|opened| opened.slot == key.slot) {
            opened.changes.push((key, change));
        }
    }

    /// Takes back a change that was stored in an earlier attempt.
    fn revoke(&mut self, key: Key, change: &Change) {
        let Some(Held { account, is_touched, .. }) = held(&mut self.accounts, key) else { return };
        *is_touched = true;
        match change {
            Change::Called(called) => account.uncall(called),
            Change::Refused(at) => account.unrefuse(*at),
            Change::Spent(spend, at) => {
                if let Some(budget) = self.plan.budgets.get(spend.budget) {
                    account.give_back(budget, spend.part, spend.amount, *at, self.now);
                }
            }
            Change::Noticed { before, .. } => account.signs = *before,
        }
    }

    /// The budgets that a call spends, with each account.
    pub(super) fn spends<'s>(
        &self,
        asked: &'s Asked,
    ) -> impl Iterator<Item = (&'s Spend, &'a Budget, Key)> + use<'a, 's> {
        let (plan, owners) = (self.plan, self.owners);
        asked.spends.iter().flat_map(move |spend| {
            let budget = plan.budgets.get(spend.budget);
            let keys = owners.budgets.get(spend.budget).map(Vec::as_slice).unwrap_or_default();
            keys.iter().filter_map(move |key| Some((spend, budget?, *key)))
        })
    }

    /// Those that this proxy counts.
    fn spends_here<'s>(
        &self,
        asked: &'s Asked,
    ) -> impl Iterator<Item = (&'s Spend, &'a Budget, Key)> + use<'a, 's> {
        self.spends(asked).filter(|(_, budget, _)| !budget.is_global())
    }

    pub(super) fn turn_at_opening(&self, key: Key) -> u64 {
        self.held(key).map_or(0, |held| held.turn)
    }

    pub(super) fn account(&self, key: Key) -> Option<&Account> {
        self.held(key).map(|held| &held.account)
    }

    fn held(&self, key: Key) -> Option<&Held> {
        self.accounts.iter().find(|held| held.key == key)
    }
}

fn held(accounts: &mut [Held], key: Key) -> Option<&mut Held> {
    accounts.iter_mut().find(|held| held.key == key)
}
