//! What a bundle has remembered, checked against its tools.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy_core::ast::EntityType;
use hashbrown::HashMap;

use super::global::{self, Global};
use super::names::SLOTS;
use super::settings::{
    BudgetSettings, HistorySettings, MemorySettings, Part, Problem, RateLimitSettings,
    RunawaySettings, Spends, Unanswered, Window,
};
use super::{Amount, Millis, Name};
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
    tenants: BTreeMap<String, String>,
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
    pub title: String,
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
}

impl Plan {
    /// The plan of a bundle with these tools; `None` if it has nothing remembered.
    pub fn of(sections: Sections<'_>, tools: &[Tool]) -> Result<Option<Self>, Vec<Problem>> {
        let Sections { memory, history, budgets, service, runaway } = sections;
        if history.is_none() && budgets.is_empty() && runaway.is_none() {
            return Ok(None);
        }
        let mut problems = Vec::new();
        let bytes = usize::try_from(memory.bytes).unwrap_or(usize::MAX);
        let bucket_bytes = bytes.checked_div(usize::from(SLOTS)).unwrap_or_default();
        let mut plans: HashMap<String, ToolPlan> = tools
            .iter()
            .map(|tool| (tool.qualified_name().to_owned(), ToolPlan::of(tool)))
            .collect();
        let history =
            history.map(|history| HistoryPlan::of(history, tools, &mut plans, &mut problems));
        problems.extend(service.iter().flat_map(|service| global::of_service(service)));
        let mut planned = Vec::new();
        for (title, settings) in budgets {
            let key = format!("budgets.{title}");
            problems.extend(bad_name(&key, title));
            let of = selected(&settings.of, tools, &format!("{key}.of"), &mut problems);
            for tool in of {
                let Some(plan) = plans.get_mut(tool.qualified_name()) else { continue };
                plan.budgets.push(planned.len());
                if let Spends::Argument(path) = &settings.amount {
                    problems.extend(bad_argument(&format!("{key}.amount"), tool, path));
                }
            }
            let global = Global::of(&key, settings, service, &mut problems);
            planned.push(Budget::of(title, settings, global));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (runaway, service) = (runaway.cloned(), service.cloned());
        let plan = Self { bucket_bytes, history, runaway, budgets: planned, service, tools: plans };
        plan.lack_of_room().map_or(Ok(Some(plan)), |problem| Err(vec![problem]))
    }

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

    /// The attribute of resources of a type that has the tenant of their data.
    pub fn tenant_attribute(&self, entity_type: &EntityType) -> Option<&str> {
        let tenants = &self.history.as_ref()?.tenants;
        if tenants.is_empty() {
            return None;
        }
        tenants.get(&entity_type.to_string()).map(String::as_str)
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

impl HistoryPlan {
    fn of(
        settings: &HistorySettings,
        tools: &[Tool],
        plans: &mut HashMap<String, ToolPlan>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        if settings.windows.is_empty() {
            problems.push(("history.windows".to_owned(), "there is no window".to_owned()));
        }
        for name in settings.windows.keys() {
            problems.extend(bad_name(&format!("history.windows.{name}"), name));
        }
        let windows: Vec<_> =
            settings.windows.iter().map(|(name, span)| (name.clone(), span.millis())).collect();
        let longest = windows.iter().map(|(_, millis)| *millis).max().unwrap_or_default();
        for (title, sum) in &settings.sums {
            let key = format!("history.sums.{title}");
            problems.extend(bad_name(&key, title));
            for tool in selected(&sum.of, tools, &format!("{key}.of"), problems) {
                problems.extend(bad_argument(&format!("{key}.argument"), tool, &sum.argument));
                if let Some(plan) = plans.get_mut(tool.qualified_name()) {
                    plan.sums.push((Name::of(title), sum.argument.clone()));
                }
            }
        }
        let marked: BTreeSet<&String> = tools
            .iter()
            .flat_map(|tool| tool.marks().carries.iter().chain(&tool.marks().clears))
            .collect();
        for label in settings.labels.keys().filter(|label| !marked.contains(label)) {
            problems
                .push((format!("history.labels.{label}"), format!("no tool carries `{label}`")));
        }
        let label = |text: &&String| KeptLabel {
            text: (*text).clone(),
            name: Name::of(text),
            kept: settings.labels.get(*text).map_or(longest, |span| span.millis()),
        };
        let labels = marked.iter().map(label).collect();
        let named =
            |tool: &Tool| (tool.qualified_name().to_owned(), Name::of(&tool.qualified_name()));
        let mut classes: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        for (place, tool) in tools.iter().enumerate() {
            for class in &tool.marks().classes {
                classes.entry(class).or_default().push(place);
            }
        }
        Self {
            windows,
            longest,
            sums: settings.sums.keys().map(|title| (title.clone(), Name::of(title))).collect(),
            labels,
            tools: tools.iter().map(named).collect(),
            classes: classes.into_iter().map(|(class, of)| (class.clone(), of)).collect(),
            resources: settings.resources,
            repeats: settings.repeats,
            tenants: settings.tenants.clone(),
        }
    }
}

impl Budget {
    fn of(title: &str, settings: &BudgetSettings, global: Option<Global>) -> Self {
        Self {
            name: Name::of(&(title, settings.kind)),
            title: title.to_owned(),
            per: settings.per.clone(),
            amount: settings.amount.clone(),
            limit: settings.limit,
            window: settings.kind,
            unanswered: settings.unanswered,
            global,
            span: settings.window.millis(),
        }
    }
}

impl ToolPlan {
    fn of(tool: &Tool) -> Self {
        let marks = tool.marks();
        let names = |texts: &[String]| texts.iter().map(Name::of).collect();
        Self {
            name: Name::of(&tool.qualified_name()),
            cost: marks.cost.unwrap_or(1),
            classes: names(&marks.classes),
            sums: Vec::new(),
            budgets: Vec::new(),
            carries: names(&marks.carries),
            clears: names(&marks.clears),
        }
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

/// The tools that selectors name.
fn selected<'a>(
    of: &[String],
    tools: &'a [Tool],
    key: &str,
    problems: &mut Vec<Problem>,
) -> Vec<&'a Tool> {
    if of.is_empty() {
        return tools.iter().filter(|tool| !tool.is_method()).collect();
    }
    for selector in of.iter().filter(|selector| !tools.iter().any(|tool| selects(selector, tool))) {
        let message = format!(
            "`{selector}` names no tool: write `<server>/<tool>`, `class:<class>` or `server:<server>`"
        );
        problems.push((key.to_owned(), message));
    }
    tools.iter().filter(|tool| of.iter().any(|selector| selects(selector, tool))).collect()
}

fn selects(selector: &str, tool: &Tool) -> bool {
    tool.qualified_name() == selector || tool.groups().any(|group| group == selector)
}

fn bad_argument(key: &str, tool: &Tool, path: &str) -> Option<Problem> {
    let message = match tool.is_number(path) {
        Some(true) => return None,
        Some(false) => "is no number",
        None => "is no argument of it",
    };
    Some((key.to_owned(), format!("`{path}` of `{}` {message}", tool.qualified_name())))
}

/// Names of windows, sums and budgets are attributes in policies.
fn bad_name(key: &str, name: &str) -> Option<Problem> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let begins = name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    let fits = begins && name.len() <= 64 && name.bytes().all(plain) && !TAKEN.contains(&name);
    (!fits).then(|| {
        let message = format!("`{name}` is no name for policies: use letters, digits and `_`");
        (key.to_owned(), message)
    })
}

/// Members of the history besides windows, and words of Cedar.
const TAKEN: [&str; 9] = ["labels", "true", "false", "if", "then", "else", "in", "is", "like"];
