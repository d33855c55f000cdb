//! Calls that were made earlier, as records tell of them.

use super::amount::MOST;
use super::asked::{Asked, Particulars};
use super::working::Working;
use super::{Amount, Millis, Owners, Plan, Unanswered};
use crate::tool::Tool;
use crate::tool::number::Range;

/// What a record tells of a call that was forwarded.
#[derive(Debug)]
pub struct Told<'a> {
    /// The arguments, with marks in place of what is withheld.
    pub arguments: Option<&'a serde_json::Value>,
    /// The amounts that the call spent, by budget; where the record is of another bundle, none.
    pub spent: &'a [(String, Amount)],
    /// The labels of parts that the caller got.
    pub shown: Vec<&'a str>,
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
            match told.amount(path) {
                Some(amount) => asked.called.sums.push((*name, amount)),
                None => untold.push(Untold::Sum(self.plan.sum_title(*name))),
            }
        }
        for place in plan.budgets.iter().filter(|_| spends) {
            let Some(budget) = self.plan.budgets.get(*place) else { continue };
            let title = &budget.title;
            let argument =
                |path: &str| told.amount(path).or_else(|| told.spent_of(title)).ok_or(());
            let Ok(amount) = budget.amount_of(plan, argument) else {
                untold.push(Untold::Budget(title.to_string()));
                continue;
            };
            asked.spend(*place, budget, plan, amount);
            if budget.unanswered == Unanswered::GiveBack {
                untold.push(Untold::GivenBack(title.to_string()));
            }
        }
        if !plan.clears.is_empty() {
            untold.push(Untold::Cleared);
        }
        asked.complete(self.plan, plan, &told.particulars);
        asked.show(self.plan, told.shown.iter());
        self.forward(&asked, spends);
        untold
    }
}

impl Told<'_> {
    /// The amount in an argument, in ten-thousandths.
    fn amount(&self, path: &str) -> Option<i64> {
        let value = path.split('.').try_fold(self.arguments?, |value, name| value.get(name))?;
        let number = value.as_number()?.to_string();
        Range::default().decimal(&number).ok().filter(|units| (0..=MOST).contains(units))
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
        self.accounts.iter().any(|key| other.accounts.contains(key))
    }
}
