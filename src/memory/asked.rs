//! A call, as memory sees it: what it adds to histories and spends of budgets.

use super::account::{Called, Carried};
use super::amount::MOST;
use super::plan::ToolPlan;
use super::settings::{Part, Spends};
use super::{Budget, Millis, Name, Plan};
use crate::policy::ArgumentValue;

/// A call, as memory sees it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(super) called: Called,
    pub(super) spends: Vec<Spend>,
    /// The tenant of the resource's data.
    tenant: Option<String>,
}

/// What memory must know of a call besides its tool and arguments.
#[derive(Debug, Default)]
pub struct Particulars {
    /// The digest of the resource.
    pub resource: Option<Name>,
    /// The digest of the arguments.
    pub arguments: Option<Name>,
    /// The tenant of the resource's data.
    pub tenant: Option<String>,
}

/// Why a call cannot be counted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Uncountable {
    /// The path of the argument.
    pub argument: String,
    /// What is wrong.
    pub problem: &'static str,
}

/// An amount of a budget.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Spend {
    /// The position of the budget in the plan.
    pub(super) budget: usize,
    /// The tool or class for which it is counted.
    pub(super) part: Name,
    /// The amount in ten-thousandths.
    pub(super) amount: i64,
}

impl Asked {
    /// A call of a tool of which nothing else counts.
    pub(super) fn of(at: Millis, tool: Name) -> Self {
        let called =
            Called { at, tool, resource: None, call: None, sums: Vec::new(), labels: Vec::new() };
        Self { called, spends: Vec::new(), tenant: None }
    }

    /// Adds what the call spends of the budget in a place of the plan.
    pub(super) fn spend(&mut self, place: usize, budget: &Budget, tool: &ToolPlan, amount: i64) {
        let spend = |part| Spend { budget: place, part, amount };
        self.spends.extend(parts(budget, tool).map(spend));
    }

    /// Adds what does not depend on arguments.
    pub(super) fn complete(&mut self, plan: &Plan, tool: &ToolPlan, particulars: &Particulars) {
        self.tenant.clone_from(&particulars.tenant);
        self.carry(plan, tool.carries.iter().copied());
        self.called.resource = particulars.resource;
        let call = particulars.arguments.map(|arguments| Name::of(&(tool.name, arguments)));
        self.called.call = call;
    }

    /// Adds the labels of parts of the result that policies show, whether the result has them or not.
    pub fn show(&mut self, plan: &Plan, labels: impl Iterator<Item = impl AsRef<str>>) {
        if plan.history.is_some() {
            self.carry(plan, labels.map(|label| Name::of(&label.as_ref())));
        }
    }

    fn carry(&mut self, plan: &Plan, labels: impl Iterator<Item = Name>) {
        let (at, tenant) = (self.called.at, &self.tenant);
        let carried = |label: Name| {
            let until = at.saturating_add(plan.kept(label));
            Carried { label, tenant: tenant.clone(), until }
        };
        self.called.labels.extend(labels.map(carried));
    }
}

/// The parts for which a budget counts a call of a tool.
pub(super) fn parts<'t>(
    budget: &Budget,
    tool: &'t ToolPlan,
) -> impl Iterator<Item = Name> + use<'t> {
    let of_tool = budget.per.contains(&Part::Tool).then_some(tool.name);
    let by_class = budget.per.contains(&Part::Class);
    // Tools without a class are counted together, as principals without a tenant are.
    let classes = if by_class && !tool.classes.is_empty() { &tool.classes } else { &NO_CLASS[..] };
    classes.iter().map(move |class| match of_tool {
        Some(tool) if by_class => Name::of(&(tool, class)),
        Some(tool) => tool,
        None => *class,
    })
}

const NO_CLASS: [Name; 1] = [Name(0)];

impl Budget {
    /// What a call of a tool spends, if `argument` is the amount in the argument at a path.
    pub(super) fn amount_of<E>(
        &self,
        tool: &ToolPlan,
        argument: impl FnOnce(&str) -> Result<i64, E>,
    ) -> Result<i64, E> {
        match &self.amount {
            Spends::Calls => Ok(super::ONE),
            Spends::Cost => Ok(i64::from(tool.cost).saturating_mul(super::ONE)),
            Spends::Argument(path) => argument(path),
        }
    }
}

/// The amount in the argument at a dotted path, in ten-thousandths.
pub(super) fn amount(input: &ArgumentValue<'_>, path: &str) -> Result<i64, Uncountable> {
    let problem = |problem| Uncountable { argument: path.to_owned(), problem };
    let value = path.split('.').try_fold(input, |value, name| {
        let ArgumentValue::Record(members) = value else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    });
    let units = match value {
        Some(ArgumentValue::Long(number)) => number.saturating_mul(super::ONE),
        Some(ArgumentValue::Decimal(units)) => *units,
        Some(_) | None => return Err(problem("is missing, and its amount is counted")),
    };
    match units {
        ..0 => Err(problem("is below zero, and its amount is counted")),
        0..=MOST => Ok(units),
        _ => Err(problem("is too large to be counted")),
    }
}
