//! The coverage of a class of tools, as reached and missing goals.

use cedar_policy::Effect;

use super::labels::{LabelCoverage, ResultLabel};
use super::reachable::{BudgetCoverage, Coverage, PolicyCoverage, ToolCoverage};
use crate::bundle::Percent;

/// A goal for a case.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Goal {
    /// A call of this tool is permitted.
    Permitted(String),
    /// Policies refuse a call of this tool: a `forbid` matches, or no permit does.
    Refused(String),
    /// This policy determines the outcome of a call to one of these tools.
    Determined {
        /// The policy.
        policy: String,
        /// The measured tools that its scope admits.
        tools: Vec<String>,
    },
    /// A call of one of these tools would exceed this budget.
    Exceeded {
        /// The budget.
        budget: String,
        /// The measured tools whose calls spend it.
        tools: Vec<String>,
    },
    /// This label of a permitted call is revealed.
    Revealed(ResultLabel),
    /// This label of a permitted call is withheld.
    Withheld(ResultLabel),
    /// This policy determines whether one of these labels is revealed.
    DeterminedLabel {
        /// The policy.
        policy: String,
        /// The labels of measured tools that it can determine.
        labels: Vec<ResultLabel>,
    },
}

impl Goal {
    /// The goal that a policy determines calls, with the first of its tools; `None` for other goals.
    pub fn determined_about(self, most: usize) -> Option<Self> {
        match self {
            Self::Determined { policy, mut tools } => {
                tools.truncate(most);
                Some(Self::Determined { policy, tools })
            }
            Self::Permitted(_)
            | Self::Refused(_)
            | Self::Exceeded { .. }
            | Self::Revealed(_)
            | Self::Withheld(_)
            | Self::DeterminedLabel { .. } => None,
        }
    }
}

/// The coverage of a class of tools.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The class; `None` for all tools.
    pub class: Option<String>,
    /// The required percentage.
    pub minimum: Option<Percent>,
    /// The number of reached goals.
    pub reached: usize,
    /// The missing goals.
    pub missing: Vec<Goal>,
}

impl Measure {
    /// The number of goals.
    pub fn goals(&self) -> usize {
        self.reached.saturating_add(self.missing.len())
    }

    /// The percentage of reached goals, rounded down: 100 means all of them.
    pub fn percent(&self) -> usize {
        self.reached.saturating_mul(100).checked_div(self.goals()).unwrap_or(100)
    }

    /// Whether the required percentage is reached.
    pub fn is_enough(&self) -> bool {
        self.minimum.is_none_or(|minimum| minimum.is_met_by(self.reached, self.goals()))
    }
}

impl Coverage {
    /// The classes of tools, sorted.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        let classes = self.tools.values().flat_map(|tool| tool.classes.iter().map(String::as_str));
        classes.collect::<std::collections::BTreeSet<_>>().into_iter()
    }

    /// Measures a class, or all tools if there is no class.
    pub fn measure(&self, class: Option<&str>, minimum: Option<Percent>) -> Measure {
        let of_class = |tool: &ToolCoverage| {
            class.is_none_or(|class| tool.classes.iter().any(|other| other == class))
        };
        let tools: Vec<_> = self.tools.iter().filter(|(_, tool)| of_class(tool)).collect();
        let about_tools = tools.iter().flat_map(|(name, tool)| tool_goals(name, tool));
        let about_policies = self.policies.iter().filter_map(|(id, policy)| {
            let admitted = tools.iter().filter(|(name, _)| policy.admits.contains(*name));
            policy_goal(id, policy, admitted.map(|(name, _)| (*name).clone()).collect())
        });
        let about_budgets = self.budgets.iter().filter_map(|(name, budget)| {
            let spending = tools.iter().filter(|(name, _)| budget.spent_by.contains(*name));
            budget_goal(name, budget, spending.map(|(name, _)| (*name).clone()).collect())
        });
        let is_measured = |label: &&ResultLabel| self.tools.get(&label.tool).is_some_and(of_class);
        let labels = self.labels.iter().filter(|(label, _)| is_measured(label));
        let about_labels = labels.flat_map(|(label, coverage)| label_goals(label, coverage));
        let about_revealing = self.policies.iter().filter_map(|(id, policy)| {
            let labels = policy.labels.iter().filter(is_measured).cloned();
            revealing_goal(id, policy, labels.collect())
        });
        let goals = about_tools.chain(about_policies).chain(about_budgets);
        let goals = goals.chain(about_labels).chain(about_revealing);
        let (reached, missing): (Vec<_>, Vec<_>) = goals.partition(|(_, reached)| *reached);
        Measure {
            class: class.map(str::to_owned),
            minimum,
            reached: reached.len(),
            missing: missing.into_iter().map(|(goal, _)| goal).collect(),
        }
    }

    /// The permits whose scope admits a tool.
    pub(super) fn permits_of(&self, tool: &str) -> Vec<String> {
        let permits = self
            .policies
            .iter()
            .filter(|(_, policy)| policy.effect == Effect::Permit && policy.admits.contains(tool));
        permits.map(|(id, _)| id.clone()).collect()
    }
}

fn tool_goals(name: &str, tool: &ToolCoverage) -> impl Iterator<Item = (Goal, bool)> {
    let permitted = (Goal::Permitted(name.to_owned()), tool.permitted > 0);
    let refused = (Goal::Refused(name.to_owned()), tool.refused > 0);
    let possible = [(tool.can_be_permitted, permitted), (tool.can_be_refused, refused)];
    possible.into_iter().filter(|(possible, _)| *possible).map(|(_, goal)| goal)
}

fn policy_goal(id: &str, policy: &PolicyCoverage, tools: Vec<String>) -> Option<(Goal, bool)> {
    let reached = tools.iter().any(|tool| policy.determined_about.contains(tool));
    (!tools.is_empty()).then(|| (Goal::Determined { policy: id.to_owned(), tools }, reached))
}

fn budget_goal(name: &str, budget: &BudgetCoverage, tools: Vec<String>) -> Option<(Goal, bool)> {
    let reached = tools.iter().any(|tool| budget.exceeded_by.contains(tool));
    (!tools.is_empty()).then(|| (Goal::Exceeded { budget: name.to_owned(), tools }, reached))
}

fn label_goals(
    label: &ResultLabel,
    coverage: &LabelCoverage,
) -> impl Iterator<Item = (Goal, bool)> {
    let revealed = (Goal::Revealed(label.clone()), coverage.revealed > 0);
    let withheld = (Goal::Withheld(label.clone()), coverage.withheld > 0);
    let possible = [(coverage.can_be_revealed, revealed), (coverage.can_be_withheld, withheld)];
    possible.into_iter().filter(|(possible, _)| *possible).map(|(_, goal)| goal)
}

fn revealing_goal(
    id: &str,
    policy: &PolicyCoverage,
    labels: Vec<ResultLabel>,
) -> Option<(Goal, bool)> {
    let reached = labels.iter().any(|label| policy.determined_labels.contains(label));
    (!labels.is_empty()).then(|| (Goal::DeterminedLabel { policy: id.to_owned(), labels }, reached))
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Permitted(tool) => write!(f, "tool {tool}: no case in which it is permitted"),
            Self::Refused(tool) => {
                write!(f, "tool {tool}: no case in which policies refuse it")
            }
            Self::Determined { policy, tools } => {
                write!(f, "policy {policy}: it determines no call of {}", tools.join(" or "))
            }
            Self::Exceeded { budget, tools } => {
                write!(f, "budget {budget}: no case exceeds it with {}", tools.join(" or "))
            }
            Self::Revealed(label) => write!(f, "label {label}: no case in which it is revealed"),
            Self::Withheld(label) => write!(f, "label {label}: no case in which it is withheld"),
            Self::DeterminedLabel { policy, labels } => {
                let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
                write!(f, "policy {policy}: it determines no case of {}", labels.join(" or "))
            }
        }
    }
}
