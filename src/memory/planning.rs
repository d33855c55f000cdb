//! Makes the plan of a bundle, and finds what is wrong with its sections.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::global::{self, Global};
use super::names::SLOTS;
use super::plan::{Budget, HistoryPlan, KeptLabel, Plan, Sections, ToolPlan};
use super::settings::{
    BudgetSettings, HistorySettings, MemorySettings, Problem, RateLimitSettings, Spends,
    SumSettings,
};
use super::{Millis, Name};
use crate::tool::{Marks, Tool};

impl Plan {
    /// The plan of a bundle with these tools; `None` if it has nothing remembered.
    ///
    /// # Errors
    ///
    /// The sections do not fit the tools.
    pub fn of(sections: Sections<'_>, tools: &[Tool]) -> Result<Option<Self>, Vec<Problem>> {
        let Sections { memory, history, budgets, service, runaway, binds_tasks } = sections;
        let problems: Vec<_> = service.iter().flat_map(|it| global::of_service(it)).collect();
        if history.is_none() && budgets.is_empty() && runaway.is_none() && !binds_tasks {
            return if problems.is_empty() { Ok(None) } else { Err(problems) };
        }
        let mut planning = Planning { problems, ..Planning::new(tools) };
        let history = history.map(|history| planning.history(history));
        let budgets = budgets.iter().enumerate();
        let budgets = budgets
            .map(|(place, (title, settings))| planning.budget(place, title, settings, service))
            .collect();
        if !planning.problems.is_empty() {
            return Err(planning.problems);
        }
        let plan = Self {
            bucket_bytes: bucket_bytes(memory),
            history,
            runaway: runaway.cloned(),
            budgets,
            service: service.cloned(),
            binds_tasks,
            tools: planning.plans,
        };
        plan.lack_of_room().map_or(Ok(Some(plan)), |problem| Err(vec![problem]))
    }
}

fn bucket_bytes(memory: MemorySettings) -> usize {
    let bytes = usize::try_from(memory.bytes).unwrap_or(usize::MAX);
    bytes.checked_div(usize::from(SLOTS)).unwrap_or_default()
}

/// A plan in the making.
struct Planning<'a> {
    tools: &'a [Tool],
    /// The plan of each tool, by its qualified name.
    plans: HashMap<String, ToolPlan>,
    problems: Vec<Problem>,
}

impl<'a> Planning<'a> {
    fn new(tools: &'a [Tool]) -> Self {
        let plan = |tool: &Tool| (tool.qualified_name().to_owned(), ToolPlan::of(tool));
        Self { tools, plans: tools.iter().map(plan).collect(), problems: Vec::new() }
    }

    fn budget(
        &mut self,
        place: usize,
        title: &str,
        settings: &BudgetSettings,
        service: Option<&RateLimitSettings>,
    ) -> Budget {
        let key = format!("budgets.{title}");
        self.problems.extend(bad_name(&key, title));
        for tool in self.selected(&settings.of, &format!("{key}.of")) {
            if let Some(plan) = self.plans.get_mut(tool.qualified_name()) {
                plan.budgets.push(place);
            }
            if let Spends::Argument(path) = &settings.amount {
                self.problems.extend(bad_argument(&format!("{key}.amount"), tool, path));
            }
        }
        let global = Global::of(&key, settings, service, &mut self.problems);
        Budget::of(title, settings, global)
    }

    fn history(&mut self, settings: &HistorySettings) -> HistoryPlan {
        self.check_windows(settings);
        let windows = settings.windows.iter();
        let windows: Vec<_> = windows.map(|(name, span)| (name.clone(), span.millis())).collect();
        let longest = windows.iter().map(|(_, millis)| *millis).max().unwrap_or_default();
        for (title, sum) in &settings.sums {
            self.add_sum(title, sum);
        }
        HistoryPlan {
            windows,
            longest,
            sums: settings.sums.keys().map(|title| (title.clone(), Name::of(title))).collect(),
            labels: self.labels(settings, longest),
            tools: self.tools.iter().map(named).collect(),
            classes: self.classes(),
            resources: settings.resources,
            repeats: settings.repeats,
            tenants: settings.tenants.clone(),
        }
    }

    fn check_windows(&mut self, settings: &HistorySettings) {
        if settings.windows.is_empty() {
            let problem = ("history.windows".to_owned(), "there is no window".to_owned());
            self.problems.push(problem);
        }
        for name in settings.windows.keys() {
            self.problems.extend(bad_name(&format!("history.windows.{name}"), name));
        }
    }

    /// Adds a sum to the plan of each tool whose calls add to it.
    fn add_sum(&mut self, title: &str, sum: &SumSettings) {
        let key = format!("history.sums.{title}");
        self.problems.extend(bad_name(&key, title));
        for tool in self.selected(&sum.of, &format!("{key}.of")) {
            let problem = bad_argument(&format!("{key}.argument"), tool, &sum.argument);
            self.problems.extend(problem);
            if let Some(plan) = self.plans.get_mut(tool.qualified_name()) {
                plan.sums.push((Name::of(&title), sum.argument.clone()));
            }
        }
    }

    /// The labels that tools or parts of results carry, or that tools clear, and how long each stays.
    fn labels(&mut self, settings: &HistorySettings, longest: Millis) -> Vec<KeptLabel> {
        let marks = self.tools.iter().map(Tool::marks);
        let marked: BTreeSet<&String> = marks.flat_map(labels).collect();
        for label in settings.labels.keys().filter(|label| !marked.contains(label)) {
            let problem = format!("no tool carries `{label}`");
            self.problems.push((format!("history.labels.{label}"), problem));
        }
        let label = |text: &String| KeptLabel {
            text: text.clone(),
            name: Name::of(text),
            kept: settings.labels.get(text).map_or(longest, |span| span.millis()),
        };
        marked.into_iter().map(label).collect()
    }

    /// The tools of each class, as positions.
    fn classes(&self) -> Vec<(String, Vec<usize>)> {
        let mut classes: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        for (place, tool) in self.tools.iter().enumerate() {
            for class in &tool.marks().classes {
                classes.entry(class).or_default().push(place);
            }
        }
        classes.into_iter().map(|(class, of)| (class.clone(), of)).collect()
    }

    /// The tools that selectors name; every tool, if there is no selector.
    fn selected(&mut self, of: &[String], key: &str) -> Vec<&'a Tool> {
        let tools = self.tools;
        if of.is_empty() {
            return tools.iter().filter(|tool| !tool.is_method()).collect();
        }
        let names_nothing = |selector: &&String| !tools.iter().any(|tool| selects(selector, tool));
        for selector in of.iter().filter(names_nothing) {
            let message = format!(
                "`{selector}` names no tool: write `<server>/<tool>`, `class:<class>` or `server:<server>`"
            );
            self.problems.push((key.to_owned(), message));
        }
        tools.iter().filter(|tool| of.iter().any(|selector| selects(selector, tool))).collect()
    }
}

impl Budget {
    fn of(title: &str, settings: &BudgetSettings, global: Option<Global>) -> Self {
        Self {
            name: Name::of(&(title, settings.kind)),
            title: title.into(),
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

/// The labels that an entry of a tool names.
fn labels(marks: &Marks) -> impl Iterator<Item = &String> {
    marks.carries.iter().chain(&marks.clears).chain(marks.labels.keys())
}

/// The name of a tool in policies and in memory.
fn named(tool: &Tool) -> (String, Name) {
    (tool.qualified_name().to_owned(), Name::of(&tool.qualified_name()))
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
