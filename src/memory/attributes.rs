//! What policies see of memory: attributes of `context` besides those of every call.

use super::account::Account;
use super::asked::Asked;
use super::group::Tally;
use super::plan::{HistoryPlan, KeptLabel};
use super::signs;
use super::working::Working;
use super::{Key, Millis, Name};
use crate::policy::{LazyContext, LazyValue, MEMORY};

/// The attributes of `context` about earlier calls.
#[derive(Debug)]
pub struct Attributes<'a> {
    working: &'a Working<'a>,
    asked: &'a Asked,
}

impl Working<'_> {
    /// What policies see of memory when they decide a call.
    pub fn attributes<'f>(&'f self, asked: &'f Asked) -> Attributes<'f> {
        Attributes { working: self, asked }
    }
}

impl LazyContext for Attributes<'_> {
    fn at(&self, path: &[&str]) -> Option<LazyValue<'_>> {
        let [history, transaction, budget, runaway] = MEMORY;
        let owners = self.working.owners;
        match path {
            [] => Some(names(MEMORY.into_iter())),
            [root, path @ ..] if *root == history => self.history(owners.caller?, path),
            [root, path @ ..] if *root == transaction => self.history(owners.transaction?, path),
            [root, path @ ..] if *root == budget => self.budget(path),
            [root, path @ ..] if *root == runaway => self.runaway(path),
            _ => None,
        }
    }
}

impl Attributes<'_> {
    fn history(&self, key: Key, path: &[&str]) -> Option<LazyValue<'_>> {
        let plan = self.working.plan.history.as_ref()?;
        let account = self.working.account(key)?;
        match path {
            [] => {
                let windows = plan.windows.iter().map(|(name, _)| name.as_str());
                Some(names(windows.chain(["labels"])))
            }
            ["labels", path @ ..] if !plan.labels.is_empty() => self.labels(plan, account, path),
            [window, path @ ..] => {
                let (_, span) = plan.windows.iter().find(|(name, _)| name == window)?;
                let since = self.working.now.checked_sub(*span);
                self.window(Window { plan, account, since }, path)
            }
        }
    }

    fn window<'w>(&'w self, window: Window<'w>, path: &[&str]) -> Option<LazyValue<'w>> {
        let Window { plan, account, since } = window;
        let called = &self.asked.called;
        Some(match path {
            [] => names(WINDOW.into_iter()),
            ["calls"] => long(window.used(plan.tools.iter().map(|(_, name)| *name)).count),
            ["refusals"] => long(account.refusals.after(since).count),
            ["resources"] if plan.resources => long(account.resources.distinct(since)),
            ["same_call"] if plan.repeats => long(account.calls.times(called.call?, since)),
            ["tools"] => names(plan.tools.iter().map(|(name, _)| name.as_str())),
            ["classes"] if !plan.classes.is_empty() => {
                names(plan.classes.iter().map(|(name, _)| name.as_str()))
            }
            ["sums"] if !plan.sums.is_empty() => {
                names(plan.sums.iter().map(|(name, _)| name.as_str()))
            }
            ["tools", tool, path @ ..] => {
                let tool = self.working.plan.tools.get(*tool)?.name;
                self.used(window, std::iter::once(tool), path)?
            }
            ["classes", class, path @ ..] => {
                let (_, places) = plan.classes.iter().find(|(name, _)| name == class)?;
                let tools = places.iter().filter_map(|place| plan.tools.get(*place));
                self.used(window, tools.map(|(_, name)| *name), path)?
            }
            ["sums", sum, path @ ..] => {
                let (_, name) = plan.sums.iter().find(|(title, _)| title == sum)?;
                let used = || account.sums.get(*name).map_or(0, |log| log.after(since).sum);
                let adds = called.sums.iter().filter(|(known, _)| known == name);
                match path {
                    [] => names(["used", "would_use"].into_iter()),
                    ["used"] => LazyValue::Decimal(used()),
                    ["would_use"] => LazyValue::Decimal(
                        adds.fold(used(), |sum, (_, amount)| sum.saturating_add(*amount)),
                    ),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// How some tools were used.
    fn used<'w>(
        &self,
        window: Window<'w>,
        tools: impl Iterator<Item = Name>,
        path: &[&str],
    ) -> Option<LazyValue<'w>> {
        let now = self.working.now;
        match path {
            [] => Some(names(["calls", "first", "last"].into_iter())),
            ["calls"] => Some(long(window.used(tools).count)),
            ["first"] => window.used(tools).span.map(|(first, _)| ago(first, now)),
            ["last"] => window.used(tools).span.map(|(_, last)| ago(last, now)),
            _ => None,
        }
    }

    fn labels<'w>(
        &self,
        plan: &'w HistoryPlan,
        account: &'w Account,
        path: &[&str],
    ) -> Option<LazyValue<'w>> {
        let now = self.working.now;
        let [label, path @ ..] = path else {
            return Some(names(plan.labels.iter().map(|label| label.text.as_str())));
        };
        let label: &KeptLabel = plan.labels.iter().find(|known| known.text == *label)?;
        let stays = |at: Millis| at.saturating_add(label.kept) > now;
        let attached = account.labels.iter().filter(|it| it.label == label.name && stays(it.at));
        let last = || attached.clone().map(|it| it.at).max();
        match path {
            [] => Some(names(["attached", "tenants", "last"].into_iter())),
            ["attached"] => Some(LazyValue::Bool(last().is_some())),
            ["tenants"] => {
                Some(LazyValue::Texts(attached.filter_map(|it| it.tenant.as_deref()).collect()))
            }
            ["last"] => last().map(|at| ago(at, now)),
            _ => None,
        }
    }

    fn budget(&self, path: &[&str]) -> Option<LazyValue<'_>> {
        let plan = self.working.plan;
        // What is used of a global one, only its service knows.
        let is_spent = |place| self.asked.spends.iter().any(|spend| spend.budget == place);
        let budgets = plan.budgets.iter().enumerate();
        let mut budgets = budgets.filter(move |(place, it)| !it.is_global() && is_spent(*place));
        let Some((title, path)) = path.split_first() else {
            let mut titles = budgets.map(|(_, budget)| &*budget.title).peekable();
            titles.peek()?;
            return Some(names(titles));
        };
        let (place, budget) = budgets.find(|(_, budget)| *budget.title == **title)?;
        // Of several parts, such as the classes of a tool, the one that has least left.
        let of_budget =
            self.working.spends(self.asked).filter(|(spend, _, _)| spend.budget == place);
        let used = of_budget.filter_map(|(spend, budget, key)| {
            let account = self.working.account(key)?;
            Some((account.usage(budget, spend.part).used(budget, self.working.now), spend.amount))
        });
        let (used, amount) = used.max().unwrap_or_default();
        let limit = budget.limit.units();
        match path {
            [] => Some(names(["used", "limit", "remaining", "would_use"].into_iter())),
            ["used"] => Some(LazyValue::Decimal(used)),
            ["limit"] => Some(LazyValue::Decimal(limit)),
            ["remaining"] => Some(LazyValue::Decimal(limit.saturating_sub(used).max(0))),
            ["would_use"] => Some(LazyValue::Decimal(used.saturating_add(amount))),
            _ => None,
        }
    }

    fn runaway(&self, path: &[&str]) -> Option<LazyValue<'_>> {
        let plan = self.working.plan.runaway.as_ref()?;
        self.working.account(self.working.owners.caller?)?;
        match path {
            [] => Some(names(signs::NAMES.into_iter())),
            [sign] => {
                let mut told = self.working.told(plan, self.asked);
                told.find(|(name, _)| name == sign).map(|(_, is_so)| LazyValue::Bool(is_so))
            }
            _ => None,
        }
    }
}

/// The attributes of a window.
const WINDOW: [&str; 7] =
    ["calls", "refusals", "tools", "classes", "sums", "resources", "same_call"];

/// The calls of an account in a window.
#[derive(Clone, Copy, Debug)]
struct Window<'a> {
    plan: &'a HistoryPlan,
    account: &'a Account,
    since: Option<Millis>,
}

impl Window<'_> {
    /// How tools were used.
    fn used(self, tools: impl Iterator<Item = Name>) -> Tally {
        let logs = tools.filter_map(|name| self.account.tools.get(name));
        logs.fold(Tally::default(), |used, log| used.with(log.after(self.since)))
    }
}

/// The whole seconds since a time.
fn ago<'a>(at: Millis, now: Millis) -> LazyValue<'a> {
    long(now.saturating_sub(at) / 1000)
}

fn long<'a>(number: u64) -> LazyValue<'a> {
    LazyValue::Long(i64::try_from(number).unwrap_or(i64::MAX))
}

fn names<'a>(names: impl Iterator<Item = &'a str> + 'a) -> LazyValue<'a> {
    LazyValue::Record(Box::new(names))
}
