//! The settings of a budget that a rate limit service counts, for several proxies together.

use super::Millis;
use super::settings::{
    BudgetSettings, Problem, RateLimitSettings, Unanswered, Unavailable, Window,
};

/// How the service counts a budget.
#[derive(Debug)]
pub(super) struct Global {
    /// How many ten-thousandths the service counts as one hit.
    pub(super) unit: i64,
    /// The limit in hits.
    pub(super) limit: u32,
    /// The window, as `RateLimitUnit` numbers it.
    pub(super) window: i32,
    /// What happens if the service does not answer.
    pub(super) unavailable: Unavailable,
}

/// The windows that a service can have, and their numbers in `RateLimitUnit`.
const WINDOWS: [(Millis, i32); 5] =
    [(1000, 1), (60_000, 2), (3_600_000, 3), (86_400_000, 4), (604_800_000, 7)];

impl Global {
    /// How the service counts the budget with this key in `bundle.yaml`; `None` for a budget of one
    /// proxy, or if there is a problem.
    pub(super) fn of(
        key: &str,
        settings: &BudgetSettings,
        service: Option<&RateLimitSettings>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let global = settings.global.as_ref()?;
        let mut problem = |part: &str, message: &str| {
            problems.push((format!("{key}{part}"), message.to_owned()));
        };
        if service.is_none() {
            problem(".global", "no service counts it: add the section `rate_limit_service`");
        }
        if settings.kind != Window::Fixed {
            problem("", "a global budget has fixed windows: write `kind: fixed`");
        }
        if settings.unanswered == Unanswered::GiveBack {
            problem(".unanswered", "a rate limit service takes nothing back: leave this out");
        }
        let window = WINDOWS.iter().find(|(millis, _)| *millis == settings.window.millis());
        if window.is_none() {
            let message =
                "a rate limit service has windows of `1s`, `1m`, `1h`, `1day` and `7days`";
            problem(".window", message);
        }
        let digits = 4_u32.saturating_sub(global.decimals.into());
        let unit = 10_i64.saturating_pow(digits);
        let limit = settings.limit.units();
        let hits = limit.checked_div(unit).filter(|_| limit.checked_rem(unit) == Some(0));
        let hits = hits.and_then(|hits| u32::try_from(hits).ok());
        if hits.is_none() || global.decimals > 4 {
            let message = "with `global.decimals`, at most 4, it must be a whole number below 2^32";
            problem(".limit", message);
        }
        let unavailable = global.unavailable;
        Some(Self { unit, limit: hits?, window: window?.1, unavailable })
    }

    /// An amount in hits, rounded up; `None` if there are more than the limit.
    pub(super) fn hits(&self, amount: i64) -> Option<u32> {
        let above = amount.saturating_add(self.unit.saturating_sub(1));
        let hits = above.checked_div(self.unit).and_then(|hits| u32::try_from(hits).ok());
        hits.filter(|hits| *hits <= self.limit)
    }
}

/// What is wrong with the section `rate_limit_service`.
pub(super) fn of_service(service: &RateLimitSettings) -> Vec<Problem> {
    let is_name = |name: &str| {
        (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
    };
    let [cluster, domain] = [&service.cluster, &service.domain].map(|name| is_name(name));
    let name = "is no name: use 1 to 100 visible characters of ASCII";
    let wait = "is not between 1 and 10000";
    let checks = [
        ("cluster", cluster, name),
        ("domain", domain, name),
        ("timeout_ms", (1..=LONGEST_WAIT).contains(&service.timeout_ms), wait),
    ];
    let wrong = checks.into_iter().filter(|(_, holds, _)| !holds);
    wrong
        .map(|(key, _, problem)| (format!("rate_limit_service.{key}"), format!("it {problem}")))
        .collect()
}

/// A cluster's name is sent to the proxy in one byte of length.
const LONGEST_NAME: usize = 100;
/// A request is held so long, in milliseconds.
const LONGEST_WAIT: u32 = 10_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::memory::tests::{global, plan};

    #[test]
    fn settings_that_a_service_cannot_count_are_told() {
        for (path, value, key) in [
            ("/budgets/refunds/kind", json!("sliding"), "budgets.refunds"),
            ("/budgets/refunds/window", json!("2h"), "budgets.refunds.window"),
            ("/budgets/refunds/unanswered", json!("give_back"), "budgets.refunds.unanswered"),
            ("/budgets/refunds/limit", json!(0.001), "budgets.refunds.limit"),
            ("/budgets/refunds/limit", json!(42_949_672.96), "budgets.refunds.limit"),
            ("/budgets/refunds/global/decimals", json!(5), "budgets.refunds.limit"),
            ("/rate_limit_service/cluster", json!(""), "rate_limit_service.cluster"),
            ("/rate_limit_service/domain", json!("a b"), "rate_limit_service.domain"),
            ("/rate_limit_service/timeout_ms", json!(0), "rate_limit_service.timeout_ms"),
        ] {
            let mut sections = global();
            *sections.pointer_mut(path).unwrap_or(&mut json!(null)) = value.clone();
            if path.ends_with("unanswered") || path.ends_with("timeout_ms") {
                let (parent, name) = path.rsplit_once('/').unwrap();
                sections.pointer_mut(parent).unwrap()[name] = value;
            }
            let problems = plan(&sections).unwrap_err();
            let keys: Vec<_> = problems.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, [key], "{problems:?}");
        }
        let mut sections = global();
        sections.as_object_mut().unwrap().remove("rate_limit_service");
        assert_eq!(plan(&sections).unwrap_err()[0].0, "budgets.refunds.global");
    }
}
