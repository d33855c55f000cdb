//! `toolgate emit limitador`: the limits of global budgets, approvals and rates, as Limitador reads them.

use serde_json::json;

use super::rate::Rate;
use super::rate_filters::{self, KEY};
use crate::approval::LONGEST_VALID;
use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};
use crate::cli::input::directory::Opened;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::memory::{GlobalLimit, PER_MONTH, USE_OF_APPROVAL};

/// Write the limits of global budgets, of approvals across proxies and of rates, for Limitador
///
/// Limitador takes limits from a file. Without this one it counts nothing, and permits everything.
/// Envoy's own rate limit service takes budgets' limits from each question; its file needs only the
/// domain (`domain: toolgate`), without which it counts nothing, and the gate then refuses.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  toolgate emit limitador policies/acme --environment production -o limits.yaml
  limitador-server limits.yaml redis redis://127.0.0.1:6379")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) bundle: BundleArgument,
    #[command(flatten)]
    pub(super) environment: EnvironmentArgument,
    /// A limit of the rate of calls that an Envoy has with `--rate-limit-service`; may occur several
    /// times
    #[arg(long = "rate-limit", value_name = "[MEMBER,…=]CALLS/WINDOW")]
    rates: Vec<Rate>,
    #[command(flatten)]
    pub(super) output: Destination,
}

pub(super) fn emit(arguments: &Arguments, opened: &Opened) -> Result<String, Stop> {
    let mut written = match &opened.loaded.bundle.memory {
        Some(plan) => {
            let (domain, limits) = plan.global_limits();
            limits.map(|limit| Limit::of_budget(&limit).written(domain)).collect()
        }
        None => String::new(),
    };
    let shared = opened.loaded.bundle.approvals.as_ref().and_then(|it| it.use_counter.as_ref());
    written.extend(shared.map(|service| Limit::of_approvals().written(&service.domain)));
    if !arguments.rates.is_empty() {
        rate_filters::distinct(&arguments.rates)?;
        let domain = &rate_filters::service(opened)?.domain;
        let limits = arguments.rates.iter().map(|rate| Limit::of_rate(rate).written(domain));
        written.extend(limits);
    }
    if written.is_empty() {
        let problem =
            Problem::new("the bundle has nothing that a rate limit service counts".to_owned());
        let help = "add `global: {}` to a budget, or `across_proxies: true` to `approvals`";
        return Err(vec![problem.with_help(help)].into());
    }
    Ok(written)
}

/// What Limitador counts: the entries of a descriptor by which it counts separately, and the one
/// that names the limit.
struct Limit {
    key: &'static str,
    name: String,
    most: u32,
    seconds: u64,
    entries: Vec<&'static str>,
}

impl Limit {
    fn of_budget(limit: &GlobalLimit<'_>) -> Self {
        let GlobalLimit { budget, hits, seconds } = *limit;
        let name = budget.to_owned();
        Self { key: "budget", name, most: hits, seconds, entries: vec!["whose"] }
    }

    /// An approval is used once. Limitador begins a window with the first use, and forgets it after
    /// twice the longest time for which an approval is valid.
    fn of_approvals() -> Self {
        let (key, name) = (USE_OF_APPROVAL, PER_MONTH.to_owned());
        let seconds = 2 * LONGEST_VALID / 1000;
        Self { key, name, most: 1, seconds, entries: vec!["whose"] }
    }

    fn of_rate(rate: &Rate) -> Self {
        let entries = rate.members.iter().map(|member| member.as_str()).collect();
        let (most, seconds) = (rate.calls.get(), rate.seconds());
        Self { key: KEY, name: rate.name(), most, seconds, entries }
    }

    /// What is written as JSON is YAML too.
    fn written(&self, domain: &str) -> String {
        let entry = |key: &str| format!("descriptors[0]['{key}']");
        let condition = format!("{} == '{}'", entry(self.key), self.name);
        let variables: Vec<String> = self.entries.iter().map(|key| entry(key)).collect();
        format!(
            "- namespace: {}
  name: {}
  max_value: {}
  seconds: {}
  conditions: {}
  variables: {}
",
            json!(domain),
            json!(self.name),
            self.most,
            self.seconds,
            json!([condition]),
            json!(variables),
        )
    }
}
