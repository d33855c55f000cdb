//! Calls that were made earlier, as records tell of them.

use super::asked::{Asked, Particulars, Spend, parts};
use super::working::Working;
use super::{Amount, Millis, Owners, Plan, Spends, Unanswered};
use crate::tool::Tool;
use crate::tool::number::Range;

/// What a record tells of a call that was forwarded.
#[derive(Debug)]
pub struct Told<'a> {
    /// The arguments, with marks in place of what is withheld.
    pub arguments: Option<&'a serde_json::Value>,
    /// The amounts that the call spent, by budget; where the record is of another bundle, none.
    pub spent: &'a [(String, Amount)],
    /// The rest.
    pub particulars: Particulars,
}

/// Something that a record does not tell.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Untold {
    /// What the call adds to a sum.
    Sum(String),
    /// What the call spent of a budget.
    Budget(String),
    /// Whether the call succeeded, so that labels are cleared.
    Cleared,
    /// Whether a server got the call, so that it spent this budget.
    GivenBack(String),
}

impl Working<'_> {
    /// Adds a call that was forwarded, and returns what is missing of it.
    pub fn recount(&mut self, tool: &Tool, told: &Told<'_>, spends: bool) -> Vec<Untold> {
        let Some(plan) = self.plan.tool(tool) else { return Vec::new() };
        let mut untold = Vec::new();
        let mut asked = Asked::of(self.now, plan.name);
        for (name, path) in &plan.sums {
            match told.amount(path.iter().map(String::as_str)) {
                Some(amount) => asked.called.sums.push((*name, amount)),
                None => untold.push(Untold::Sum(self.plan.sum_title(*name))),
            }
        }
        for place in plan.budgets.iter().filter(|_| spends) {
            let Some(budget) = self.plan.budgets.get(*place) else { continue };
            let amount = match &budget.amount {
                Spends::Calls => Some(super::ONE),
                Spends::Cost => Some(i64::from(plan.cost).saturating_mul(super::ONE)),
                Spends::Argument(path) => {
                    told.amount(path.split('.')).or_else(|| told.spent_of(&budget.title))
                }
            };
            let Some(amount) = amount else {
                untold.push(Untold::Budget(budget.title.clone()));
                continue;
            };
            for part in parts(budget, plan) {
                asked.spends.push(Spend { budget: *place, part, amount });
            }
            if budget.unanswered == Unanswered::GiveBack {
                untold.push(Untold::GivenBack(budget.title.clone()));
            }
        }
        if !plan.clears.is_empty() {
            untold.push(Untold::Cleared);
        }
        asked.complete(self.plan, plan, &told.particulars);
        self.forward(&asked, spends);
        untold
    }
}

impl Told<'_> {
    /// The amount in an argument, in ten-thousandths.
    fn amount<'a>(&self, mut path: impl Iterator<Item = &'a str>) -> Option<i64> {
        let value = path.try_fold(self.arguments?, |value, name| value.get(name))?;
        let number = value.as_number()?.to_string();
        Range::default().decimal(&number).ok().filter(|units| *units >= 0)
    }

    fn spent_of(&self, budget: &str) -> Option<i64> {
        let spent = self.spent.iter().find(|(name, _)| name == budget);
        spent.map(|(_, amount)| amount.units())
    }
}

impl Plan {
    /// How far back something can count, at most.
    pub fn horizon(&self) -> Millis {
        let labels =
            self.history.iter().flat_map(|history| &history.labels).map(|label| label.kept);
        let budgets = self.budgets.iter().map(|budget| budget.span);
        labels.chain(budgets).chain([self.reach()]).max().unwrap_or_default()
    }

    fn sum_title(&self, name: super::Name) -> String {
        let sums = self.history.iter().flat_map(|history| &history.sums);
        let mut known = sums.filter(|(_, known)| *known == name);
        known.next().map(|(title, _)| title.clone()).unwrap_or_default()
    }
}

impl Owners {
    /// Whether two senders have an account in common.
    pub fn shares(&self, other: &Self) -> bool {
        !self.keys().is_disjoint(&other.keys())
    }
}
