//! What calls must pay to budgets that a rate limit service counts.

use std::sync::Arc;

use super::asked::{Asked, Spend};
use super::plan::Budget;
use super::rate_limit::{Answer, Charge};
use super::settings::Unavailable;
use super::working::{Exceeded, Spending, Working};
use super::{Key, Millis};

/// A charge, and what this proxy itself knows about it.
#[derive(Clone, Debug)]
pub struct Due {
    /// The charge.
    pub charge: Charge,
    spending: Spending,
    /// The budget exceeded by what this proxy has counted.
    here: Option<Exceeded>,
    /// Whether some of what it has counted may be missing.
    is_incomplete: bool,
    unavailable: Unavailable,
    span: Millis,
}

/// Why a charge is not paid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unpaid {
    /// It exceeds the budget.
    Exceeded(Exceeded),
    /// The service of this budget did not answer, for this reason.
    Unavailable(Arc<str>, String),
    /// What this proxy has counted may be incomplete.
    Incomplete,
}

impl Due {
    /// Applies the answer about the charge.
    ///
    /// # Errors
    ///
    /// It is not paid.
    pub fn pay(&self, answer: &Answer) -> Result<(), Unpaid> {
        match (answer, self.unavailable) {
            (Answer::Within, _) => Ok(()),
            (Answer::Over(wait), _) => {
                // It ends within one window at the latest.
                let wait = Some(wait.unwrap_or(self.span).min(self.span));
                Err(Unpaid::Exceeded(Exceeded { spending: self.spending.clone(), wait }))
            }
            (Answer::Never, _) => {
                Err(Unpaid::Exceeded(Exceeded { spending: self.spending.clone(), wait: None }))
            }
            (Answer::Unavailable(why), Unavailable::Refuse) => {
                Err(Unpaid::Unavailable(Arc::clone(&self.spending.budget), why.clone()))
            }
            (Answer::Unavailable(_), Unavailable::Local) | (Answer::CountHere, _) => {
                match &self.here {
                    _ if self.is_incomplete => Err(Unpaid::Incomplete),
                    Some(exceeded) => Err(Unpaid::Exceeded(exceeded.clone())),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Working<'_> {
    /// What a call must pay to global budgets.
    pub fn dues(&self, asked: &Asked) -> Vec<Due> {
        let global = |(spend, budget, key): (&Spend, &Budget, Key)| {
            let unavailable = budget.global.as_ref()?.unavailable;
            let Spend { budget: place, part, amount } = *spend;
            Some(Due {
                charge: Charge { budget: place, key, part, amount },
                spending: self.spending(spend, budget, key),
                here: self.exceeding((spend, budget, key)),
                is_incomplete: self.is_missing(key),
                unavailable,
                span: budget.millis(),
            })
        };
        self.spends(asked).filter_map(global).collect()
    }
}
