//! How much space accounts need.

use std::collections::BTreeSet;

use super::ANY_TENANT;
use super::account::{Account, Attached};
use super::asked::parts;
use super::bucket::size;
use super::log::Log;
use super::names::SLOTS;
use super::owners::of_owner;
use super::settings::{Part, Problem};
use super::usage::Usage;
use super::{Budget, Millis, Name, Plan};

/// An account of a few tools takes some hundred bytes.
const LEAST_BUCKET: usize = 1024;

/// A time that takes as much space as any: no machine has run longer.
const LATE: Millis = (1 << 42) - 1;

/// A span of time that takes as much space as any.
const LONG: Millis = 1 << 35;

/// A number of events that takes as much space as any.
const MANY: u64 = 1 << 28;

/// An amount that takes as much space as any.
const AMOUNT: i64 = 1 << 60;

/// The owners of histories.
const HISTORIES: [&[Part]; 2] = [&[Part::Principal, Part::Actor], &[Part::Transaction]];

impl Plan {
    /// The problem of a bundle whose accounts may find no room, however much they are shrunk.
    pub(super) fn lack_of_room(&self) -> Option<Problem> {
        let most = self.largest_account();
        // An account takes at most half of a bucket.
        let least = most.saturating_mul(2).max(LEAST_BUCKET);
        (self.bucket_bytes < least).then(|| {
            let bytes = least.saturating_mul(usize::from(SLOTS));
            let message = format!(
                "somebody's calls can need {most} bytes, for which this is too little: at least \
                 {bytes} are enough"
            );
            ("memory.bytes".to_owned(), message)
        })
    }

    /// The bytes of the largest account once it has been shrunk as far as it can.
    fn largest_account(&self) -> usize {
        let owners = self.budgets.iter().map(|budget| of_owner(&budget.per).collect());
        let histories = HISTORIES.iter().filter(|_| self.has_history());
        let histories = histories.map(|owner| owner.iter().copied().collect());
        let owners: BTreeSet<BTreeSet<Part>> = owners.chain(histories).collect();
        owners.iter().map(|owner| size(&self.full_account(owner))).max().unwrap_or_default()
    }

    /// An account of such an owner that has everything, each in its smallest form.
    fn full_account(&self, owner: &BTreeSet<Part>) -> Account {
        let mut account = Account::new(LATE, LATE);
        account.reach.extend(LONG, LATE);
        if self.has_history() && HISTORIES.iter().any(|parts| owner.iter().eq(parts.iter())) {
            self.fill_history(&mut account);
        }
        for (place, budget) in self.budgets.iter().enumerate() {
            if !of_owner(&budget.per).eq(owner.iter().copied()) {
                continue;
            }
            let spend = self.tools.values().filter(|tool| tool.budgets.contains(&place));
            for part in spend.flat_map(|tool| parts(budget, tool)) {
                account.usages.change((budget.name, part), || full_usage(budget), |_| ());
            }
        }
        account
    }

    fn fill_history(&self, account: &mut Account) {
        let log = Log::joined(LATE, LONG, MANY, 0);
        account.tools = self.tools.values().map(|tool| (tool.name, log.clone())).collect();
        account.refusals = log.clone();
        account.resources.fill(&log);
        account.calls.fill(&log);
        account.in_a_row = Some((Name::default(), MANY));
        account.storm_until = LATE;
        let Some(history) = &self.history else { return };
        let sum = Log::joined(LATE, LONG, MANY, AMOUNT);
        account.sums = history.sums.iter().map(|(_, name)| (*name, sum.clone())).collect();
        let attached = |label: Name| Attached {
            label,
            tenant: Some(ANY_TENANT.to_owned()),
            at: LATE,
            until: LATE,
            turn: LATE,
        };
        account.labels = history.labels.iter().map(|label| attached(label.name)).collect();
    }
}

fn full_usage(budget: &Budget) -> Usage {
    let mut usage = Usage::new(budget);
    usage.spend(budget, AMOUNT, LATE);
    if let Usage::Sliding(log, _) = &mut usage {
        *log = Log::joined(LATE, LONG, MANY, AMOUNT);
    }
    usage
}
