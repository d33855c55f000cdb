//! What the response to a call changes of what is remembered.

use super::asked::{Asked, Spend};
use super::bucket::Bucket;
use super::working::Working;
use super::{Key, Millis, Name, Plan, Slot, Stored, Unanswered, Write};
use crate::tool::Tool;

/// What the response to a forwarded call can change.
#[derive(Clone, Debug, Default)]
pub struct Lessons {
    /// If it succeeds.
    success: Vec<Lesson>,
    /// If the server did not get it.
    unanswered: Vec<Lesson>,
}

/// A change to one account.
#[derive(Clone, Debug)]
pub struct Lesson {
    key: Key,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A label is gone that was attached up to this turn of the account.
    Cleared(Name, u64),
    /// An amount that was spent at this time is given back.
    GivenBack(Spend, Millis),
}

impl Working<'_> {
    /// What the response to a call of this tool can change.
    pub fn lessons(&self, asked: &Asked, tool: &Tool) -> Lessons {
        let clears = self.plan.tool(tool).map(|plan| plan.clears.as_slice()).unwrap_or_default();
        let cleared = |label: &Name| {
            let label = *label;
            self.owners.histories().map(move |key| Lesson {
                key,
                kind: Kind::Cleared(label, self.turn_at_opening(key)),
            })
        };
        let gives_back = self
            .spends(asked)
            .filter(|(_, budget, _)| budget.unanswered == Unanswered::GiveBack)
            .map(|(spend, _, key)| Lesson { key, kind: Kind::GivenBack(spend.clone(), self.now) });
        Lessons {
            success: clears.iter().flat_map(cleared).collect(),
            unanswered: gives_back.collect(),
        }
    }
}

impl Lessons {
    /// Whether the body of the response is needed to know.
    pub fn need_body(&self) -> bool {
        !self.success.is_empty()
    }

    /// Whether nothing can change.
    pub fn is_empty(&self) -> bool {
        self.success.is_empty() && self.unanswered.is_empty()
    }

    /// The changes of a call that succeeded.
    pub fn of_success(&self) -> &[Lesson] {
        &self.success
    }

    /// The changes of a call that its server did not get.
    pub fn of_no_answer(&self) -> &[Lesson] {
        &self.unanswered
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
        let mut bucket = Bucket::read(&stored.bytes)?;
        let mut account = bucket.account(lesson.key, now);
        let before = account.clone();
        match &lesson.kind {
            Kind::Cleared(label, turn) => account.clear(*label, *turn),
            Kind::GivenBack(spend, at) => {
                let budget = self.budgets.get(spend.budget)?;
                account.give_back(budget, spend.part, spend.amount, *at, now);
            }
        }
        if account == before {
            return None;
        }
        let until = account.forget(self.reach(), now);
        bucket.store(lesson.key, account, until, now, self.bucket_bytes);
        let (slot, version) = (lesson.slot(), stored.version);
        Some(Write { slot, bytes: bucket.to_bytes(), version, changes: Vec::new() })
    }
}
