//! What policies see of memory: the members of `context` besides those of every call.

use super::account::Account;
use super::asked::Asked;
use super::log::Log;
use super::plan::{HistoryPlan, KeptLabel};
use super::working::Working;
use super::{Key, Millis, Name};
use crate::policy::{ArgumentValue, MEMORY};

/// A member of a record.
type Member<'a> = (std::borrow::Cow<'a, str>, ArgumentValue<'a>);

impl<'a> Working<'a> {
    /// The members of `context` for a call.
    pub fn facts(&self, asked: &Asked) -> Vec<(&'static str, ArgumentValue<'a>)> {
        let [history, transaction, budget, runaway] = MEMORY;
        let account = |key: Option<Key>| self.account(key?);
        let (caller, run) = (account(self.owners.caller), account(self.owners.transaction));
        let mut facts = Vec::new();
        if let Some(plan) = &self.plan.history {
            let seen = |account| self.history(plan, account, asked);
            facts.extend(caller.map(|account| (history, seen(account))));
            facts.extend(run.map(|account| (transaction, seen(account))));
        }
        let budgets: Vec<Member<'a>> = self.budgets(asked);
        if !budgets.is_empty() {
            facts.push((budget, ArgumentValue::Record(budgets)));
        }
        if let (Some(plan), Some(_)) = (&self.plan.runaway, caller) {
            let told = self.told(plan, asked);
            let told = record(told.map(|(name, is_so)| member(name, ArgumentValue::Bool(is_so))));
            facts.push((runaway, told));
        }
        facts
    }

    fn history(
        &self,
        plan: &'a HistoryPlan,
        account: &Account,
        asked: &Asked,
    ) -> ArgumentValue<'a> {
        let windows = plan.windows.iter();
        let windows =
            windows.map(|(name, span)| member(name, self.window(plan, *span, account, asked)));
        let labels =
            plan.labels.iter().map(|label| member(&label.text, self.label(label, account)));
        let labels = (!plan.labels.is_empty()).then(|| member("labels", record(labels)));
        record(windows.chain(labels))
    }

    fn window(
        &self,
        plan: &'a HistoryPlan,
        span: Millis,
        account: &Account,
        asked: &Asked,
    ) -> ArgumentValue<'a> {
        let since = self.now.checked_sub(span);
        let of_tool = |name: &Name| Use::of(account.tools.get(name), since);
        let tools: Vec<Use> = plan.tools.iter().map(|(_, name)| of_tool(name)).collect();
        let all = tools.iter().fold(Use::default(), Use::and);
        let named = plan.tools.iter().zip(&tools);
        let by_tool = named.map(|((text, _), used)| member(text, used.seen(self.now)));
        let classes = plan.classes.iter().map(|(class, places)| {
            let of = places.iter().filter_map(|place| tools.get(*place));
            let used = of.fold(Use::default(), Use::and);
            member(class, used.seen(self.now))
        });
        let sums = plan.sums.iter().map(|(text, name)| {
            let used = account.sums.get(name).map_or(0, |log| log.after(since).sum);
            let adds = asked.called.sums.iter().filter(|(known, _)| known == name);
            let would = adds.fold(used, |sum, (_, amount)| sum.saturating_add(*amount));
            let amounts = [("used", used), ("would_use", would)];
            member(
                text,
                record(amounts.map(|(name, units)| member(name, ArgumentValue::Decimal(units)))),
            )
        });
        let calls = member("calls", long(all.calls));
        let refusals = member("refusals", long(account.refusals.after(since).count));
        let classes = (!plan.classes.is_empty()).then(|| member("classes", record(classes)));
        let sums = (!plan.sums.is_empty()).then(|| member("sums", record(sums)));
        let resources =
            plan.resources.then(|| member("resources", long(account.resources.distinct(since))));
        let repeats = asked.called.call.filter(|_| plan.repeats);
        let repeats =
            repeats.map(|call| member("same_call", long(account.calls.times(call, since))));
        let tools = member("tools", record(by_tool));
        let optional = [classes, sums, resources, repeats].into_iter().flatten();
        record([calls, refusals, tools].into_iter().chain(optional))
    }

    fn label(&self, label: &'a KeptLabel, account: &Account) -> ArgumentValue<'a> {
        let stays = |at: Millis| at.saturating_add(label.kept) > self.now;
        let attached = account.labels.iter().filter(|it| it.label == label.name && stays(it.at));
        let attached: Vec<_> = attached.collect();
        let tenants = attached.iter().filter_map(|it| it.tenant.clone());
        let tenants = tenants.map(|tenant| ArgumentValue::Text(tenant.into())).collect();
        let last = attached.iter().map(|it| it.at).max();
        let last = last.map(|at| member("last", ago(at, self.now)));
        let attached = member("attached", ArgumentValue::Bool(last.is_some()));
        let tenants = member("tenants", ArgumentValue::Set(tenants));
        record([attached, tenants].into_iter().chain(last))
    }

    fn budgets(&self, asked: &Asked) -> Vec<Member<'a>> {
        let mut seen: Vec<Member<'a>> = Vec::new();
        for place in asked.spends.iter().map(|spend| spend.budget) {
            // What is used of a global one, only its service knows.
            let budget = self.plan.budgets.get(place).filter(|budget| !budget.is_global());
            let Some(budget) = budget else { continue };
            if seen.iter().any(|(name, _)| *name == budget.title) {
                continue;
            }
            // Of several parts, such as the classes of a tool, the one that has least left.
            let of_budget = self.spends(asked).filter(|(spend, _, _)| spend.budget == place);
            let used = of_budget.filter_map(|(spend, budget, key)| {
                let usage = self.account(key)?.usage(budget, spend.part);
                Some((usage.used(budget, self.now), spend.amount))
            });
            let (used, amount) = used.max().unwrap_or_default();
            let limit = budget.limit.units();
            let amounts = [
                ("used", used),
                ("limit", limit),
                ("remaining", limit.saturating_sub(used).max(0)),
                ("would_use", used.saturating_add(amount)),
            ];
            let amounts = amounts.map(|(name, units)| member(name, ArgumentValue::Decimal(units)));
            seen.push(member(&budget.title, record(amounts)));
        }
        seen
    }
}

/// How a tool or class was used in a window.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    calls: u64,
    span: Option<(Millis, Millis)>,
}

impl Use {
    fn of(log: Option<&Log>, since: Option<Millis>) -> Self {
        let tally = log.map(|log| log.after(since)).unwrap_or_default();
        Self { calls: tally.count, span: tally.span }
    }

    fn and(self, other: &Self) -> Self {
        let span = match (self.span, other.span) {
            (Some((first, last)), Some((a, b))) => Some((first.min(a), last.max(b))),
            (one, other) => one.or(other),
        };
        Self { calls: self.calls.saturating_add(other.calls), span }
    }

    fn seen<'a>(&self, now: Millis) -> ArgumentValue<'a> {
        let span = self.span.map(|(first, last)| {
            [member("first", ago(first, now)), member("last", ago(last, now))]
        });
        record([member("calls", long(self.calls))].into_iter().chain(span.into_iter().flatten()))
    }
}

/// The whole seconds since a time.
fn ago<'a>(at: Millis, now: Millis) -> ArgumentValue<'a> {
    long(now.saturating_sub(at) / 1000)
}

fn long<'a>(number: u64) -> ArgumentValue<'a> {
    ArgumentValue::Long(i64::try_from(number).unwrap_or(i64::MAX))
}

fn member<'a>(name: &'a str, value: ArgumentValue<'a>) -> Member<'a> {
    (name.into(), value)
}

fn record<'a>(members: impl IntoIterator<Item = Member<'a>>) -> ArgumentValue<'a> {
    ArgumentValue::Record(members.into_iter().collect())
}
