//! What a bundle has remembered, checked against its tools.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy_core::ast::EntityType;
use hashbrown::HashMap;

use super::global::Global;
use super::settings::{
    BudgetSettings, HistorySettings, MemorySettings, Part, RateLimitSettings, RunawaySettings,
    Spends, Unanswered, Window,
};
use super::{ANY_TENANT, Amount, Millis, Name};
use crate::tool::Tool;

/// What a bundle has remembered.
#[derive(Debug)]
pub struct Plan {
    /// The most bytes of one bucket.
    pub(super) bucket_bytes: usize,
    pub(super) history: Option<HistoryPlan>,
    pub(super) runaway: Option<RunawaySettings>,
    /// The budgets, ordered by name.
    pub budgets: Vec<Budget>,
    /// Who counts the global ones.
    pub(super) service: Option<RateLimitSettings>,
    /// Whether it is remembered whose a task is.
    pub(super) binds_tasks: bool,
    pub(super) tools: HashMap<String, ToolPlan>,
}

/// The history that policies see.
#[derive(Debug)]
pub(super) struct HistoryPlan {
    pub(super) windows: Vec<(String, Millis)>,
    pub(super) longest: Millis,
    pub(super) sums: Vec<(String, Name)>,
    pub(super) labels: Vec<KeptLabel>,
    /// Every tool, by the name in policies.
    pub(super) tools: Vec<(String, Name)>,
    /// The tools of each class, as positions in `tools`.
    pub(super) classes: Vec<(String, Vec<usize>)>,
    pub(super) resources: bool,
    pub(super) repeats: bool,
    pub(super) tenants: BTreeMap<String, String>,
}

/// A label of data.
#[derive(Debug)]
pub(super) struct KeptLabel {
    pub(super) text: String,
    pub(super) name: Name,
    pub(super) kept: Millis,
}

/// A budget.
#[derive(Debug)]
pub struct Budget {
    /// The digest of its name and the kind of its window: with another kind, it is counted anew.
    pub name: Name,
    /// Its name.
    pub title: Arc<str>,
    /// For whom or what it is counted separately.
    pub per: BTreeSet<Part>,
    /// What one call spends.
    pub amount: Spends,
    /// The limit of a window.
    pub limit: Amount,
    /// The kind of the window.
    pub window: Window,
    /// What happens to the amount of a call that its server did not get.
    pub unanswered: Unanswered,
    /// How a rate limit service counts it; `None` if each proxy counts for itself.
    pub(super) global: Option<Global>,
    pub(super) span: Millis,
}

impl Budget {
    /// How long a window is, in milliseconds.
    pub fn millis(&self) -> Millis {
        self.span
    }

    /// Whether a rate limit service counts it.
    pub fn is_global(&self) -> bool {
        self.global.is_some()
    }
}

/// What is remembered of the calls of one tool.
#[derive(Debug)]
pub(super) struct ToolPlan {
    pub(super) name: Name,
    pub(super) cost: u32,
    /// The classes, as parts of budgets.
    pub(super) classes: Vec<Name>,
    /// The sums that its calls add to, and the path of the argument.
    pub(super) sums: Vec<(Name, String)>,
    /// The budgets that its calls spend, as positions.
    pub(super) budgets: Vec<usize>,
    pub(super) carries: Vec<Name>,
    pub(super) clears: Vec<Name>,
}

/// The sections of a bundle about memory.
#[derive(Clone, Copy, Debug)]
pub struct Sections<'a> {
    /// `memory`
    pub memory: MemorySettings,
    /// `history`
    pub history: Option<&'a HistorySettings>,
    /// `budgets`
    pub budgets: &'a BTreeMap<String, BudgetSettings>,
    /// `rate_limit_service`
    pub service: Option<&'a RateLimitSettings>,
    /// `runaway`
    pub runaway: Option<&'a RunawaySettings>,
    /// `mcp.bind_tasks`
    pub binds_tasks: bool,
}

impl Plan {
    /// What is remembered of the calls of a tool.
    pub(super) fn tool(&self, tool: &Tool) -> Option<&ToolPlan> {
        self.tools.get(tool.qualified_name())
    }

    /// The budgets that calls of a tool spend.
    pub fn budgets_of(&self, tool: &Tool) -> impl Iterator<Item = &Budget> {
        let places = self.tools.get(tool.qualified_name()).map(|plan| plan.budgets.as_slice());
        places.unwrap_or_default().iter().filter_map(|place| self.budgets.get(*place))
    }

    /// Whether different resources are counted.
    pub fn counts_resources(&self) -> bool {
        self.history.as_ref().is_some_and(|history| history.resources)
    }

    /// Whether calls with the same arguments are counted.
    pub fn counts_repeats(&self) -> bool {
        let runaway = self.runaway.as_ref().is_some_and(|runaway| runaway.identical.is_some());
        runaway || self.history.as_ref().is_some_and(|history| history.repeats)
    }

    /// The tenant of the data of a resource of this type, in the attribute that has it; `None` if the
    /// bundle tells no tenants apart. One that is not known may be any.
    pub fn tenant(
        &self,
        entity_type: Option<&EntityType>,
        attribute: impl FnOnce(&str) -> Option<String>,
    ) -> Option<String> {
        let tenants = &self.history.as_ref()?.tenants;
        if tenants.is_empty() {
            return None;
        }
        let named = entity_type.and_then(|it| tenants.get(&it.to_string()));
        Some(named.and_then(|it| attribute(it)).unwrap_or_else(|| ANY_TENANT.to_owned()))
    }

    /// How long something of an account counts, other than labels and budgets.
    pub(super) fn reach(&self) -> Millis {
        let history = self.history.as_ref().map_or(0, |history| history.longest);
        let runaway = self.runaway.as_ref().map_or(0, RunawaySettings::reach);
        history.max(runaway)
    }

    /// How long a label stays.
    pub(super) fn kept(&self, label: Name) -> Millis {
        let labels = self.history.iter().flat_map(|history| &history.labels);
        labels
            .filter(|known| known.name == label)
            .map(|known| known.kept)
            .next()
            .unwrap_or_default()
    }

    /// Whether what a principal and actor have done is remembered.
    pub(super) fn has_history(&self) -> bool {
        self.history.is_some() || self.runaway.is_some()
    }
}

impl RunawaySettings {
    fn reach(&self) -> Millis {
        let storm = self.refusals.as_ref().map(|it| it.within.max(it.lasts).millis());
        let rate = self.rate.as_ref().map(|it| it.within.millis().saturating_add(it.over.millis()));
        let identical = self.identical.map(|_| IDENTICAL);
        [storm, rate, identical].into_iter().flatten().max().unwrap_or_default()
    }
}

/// How long the last call is remembered, for calls in a row.
const IDENTICAL: Millis = 3_600_000;
