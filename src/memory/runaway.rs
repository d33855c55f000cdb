//! When signs that an agent is running away begin and end.

use super::account::Account;
use super::asked::Asked;
use super::settings::{Rate, RunawaySettings};
use super::signs::{Anomaly, NAMES, Signs};
use super::working::{Change, Working};

impl Working<'_> {
    /// The signs at a call that is not counted yet.
    pub fn signs(&self, asked: &Asked) -> Signs {
        let account = self.owners.caller.and_then(|key| self.account(key));
        match (&self.plan.runaway, account) {
            (Some(plan), Some(account)) => Signs::of([
                plan.identical.is_some_and(|most| is_repeated(account, asked, most)),
                self.is_storm(account),
                plan.rate.as_ref().is_some_and(|rate| self.is_fast(account, rate)),
            ]),
            _ => Signs::default(),
        }
    }

    /// The signs that a bundle asks for, by name.
    pub(super) fn told(
        &self,
        plan: &RunawaySettings,
        asked: &Asked,
    ) -> impl Iterator<Item = (&'static str, bool)> {
        let wanted = [plan.identical.is_some(), plan.refusals.is_some(), plan.rate.is_some()];
        let signs = NAMES.into_iter().zip(self.signs(asked).present());
        signs.zip(wanted).filter(|(_, is_wanted)| *is_wanted).map(|(sign, _)| sign)
    }

    /// Notes which signs there are once all calls of a body are counted, and returns those that begin
    /// or end. `seen` are those at its calls, if policies decided any.
    pub fn notice(&mut self, seen: Option<Signs>) -> Vec<Anomaly> {
        let account = self.owners.caller.and_then(|key| Some((key, self.account(key)?)));
        let Some((key, account)) = account.filter(|_| self.plan.runaway.is_some()) else {
            return Vec::new();
        };
        let before = account.signs;
        let [identical, _, rate] = seen.unwrap_or(before).present();
        let now = Signs::of([identical, self.is_storm(account), rate]);
        if now == before {
            return Vec::new();
        }
        self.apply(key, Change::Noticed { before, now });
        let both = NAMES.into_iter().zip(before.present().into_iter().zip(now.present()));
        let changed = both.filter(|(_, (before, now))| before != now);
        changed.map(|(sign, (_, begins))| Anomaly { sign, begins }).collect()
    }

    fn is_storm(&self, account: &Account) -> bool {
        self.now < account.storm_until
    }

    fn is_fast(&self, account: &Account, rate: &Rate) -> bool {
        let (within, over) = (rate.within.millis(), rate.over.millis());
        let recent = self.now.checked_sub(within);
        let since = self.now.checked_sub(within.saturating_add(over));
        let count = |since| {
            let counts = account.tools.values().map(|log| log.after(since).count);
            counts.fold(0, u64::saturating_add)
        };
        let now = count(recent).saturating_add(1);
        let before = count(since).saturating_sub(count(recent));
        let usual = u128::from(before)
            .saturating_mul(u128::from(within))
            .saturating_mul(u128::from(rate.times));
        let is_above = u128::from(now).saturating_mul(u128::from(over)) > usual;
        now >= u64::from(rate.count) && is_above
    }
}

/// Whether a call is the same as so many in a row, itself included.
fn is_repeated(account: &Account, asked: &Asked, most: u32) -> bool {
    let before = account.in_a_row.filter(|(last, _)| Some(*last) == asked.called.call);
    before.map_or(0, |(_, times)| times).saturating_add(1) >= u64::from(most)
}
