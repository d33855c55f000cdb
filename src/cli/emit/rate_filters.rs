//! Envoy's own filters that limit rates, behind the gate's.

use std::collections::BTreeSet;

use super::rate::{Member, Rate};
use super::template::{Values, fill, scalar};
use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;
use crate::memory::RateLimitSettings;

/// The object of the decision, in CEL.
const OBJECT: &str = "filter_state['wasm.toolgate']";
/// The key of a descriptor's first entry, whose value is the name of the limit.
pub(super) const KEY: &str = "rate_limit";
/// What stands for a member that the object does not have.
const NONE: &str = "-";
/// What stands for the tools of a batch.
const BATCH: &str = "batch";

/// The limits of rates, and who counts them.
#[derive(Debug, clap::Args)]
pub(super) struct RateLimits {
    /// A limit of the rate of calls, which an Envoy filter behind toolgate answers with 429; may occur
    /// several times
    ///
    /// Calls are counted separately for each combination of the members: `principal`, `actor`, `tool`
    /// and `inner_tool`. Without members, they are counted together.
    #[arg(long = "rate-limit", value_name = "[MEMBER,…=]CALLS/WINDOW")]
    rates: Vec<Rate>,
    /// Have the bundle's rate limit service count them for several Envoys, and not each Envoy for
    /// itself
    #[arg(long, requires = "rates")]
    rate_limit_service: bool,
}

impl RateLimits {
    /// The filters in their order.
    pub(super) fn filters(&self, opened: &Opened) -> Result<Vec<String>, Vec<Problem>> {
        distinct(&self.rates)?;
        if !self.rate_limit_service {
            return Ok(self.rates.iter().map(local).collect());
        }
        let service = service(opened)?;
        let filters = self.rates.iter().map(|rate| global(rate, service));
        Ok(std::iter::once(hits()).chain(filters).collect())
    }
}

/// The service that the bundle names.
pub(super) fn service(opened: &Opened) -> Result<&RateLimitSettings, Vec<Problem>> {
    opened.document.manifest.rate_limit_service.as_ref().ok_or_else(|| {
        let problem = Problem::new("the bundle has no section `rate_limit_service`");
        let help = "add `rate_limit_service: { cluster: … }`, or leave out --rate-limit-service";
        vec![problem.with_help(help)]
    })
}

/// Whether no two limits are counted under one name.
pub(super) fn distinct(rates: &[Rate]) -> Result<(), Vec<Problem>> {
    let mut names = BTreeSet::new();
    let twice = rates.iter().map(Rate::name).filter(|name| !names.insert(name.clone()));
    let problem = |name| {
        let problem = Problem::new(format!("two limits are counted as `{name}`"));
        problem.with_help("leave out the higher one")
    };
    let problems: Vec<_> = twice.map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn local(rate: &Rate) -> String {
    let calls = u64::from(rate.calls.get());
    let entries = rate.members.iter().map(|member| format!("- key: {}\n", member.as_str()));
    let values: &Values<'_> = &[
        ("name", rate.name()),
        ("actions", actions(rate)),
        ("hits", scalar(&format!("%CEL({})%", hits_expression()))),
        ("key", KEY.to_owned()),
        ("entries", entries.collect()),
        ("calls", calls.to_string()),
        ("window", rate.seconds().to_string()),
        ("wait", rate.seconds().div_ceil(calls).to_string()),
    ];
    fill(include_str!("rate_filter_local.yaml"), values)
}

fn global(rate: &Rate, service: &RateLimitSettings) -> String {
    let values: &Values<'_> = &[
        ("name", rate.name()),
        ("actions", actions(rate)),
        ("cluster", scalar(&service.cluster)),
        ("domain", scalar(&service.domain)),
        ("timeout", seconds(service.timeout_ms)),
    ];
    fill(include_str!("rate_filter_service.yaml"), values)
}

fn hits() -> String {
    let expression = format!("'wasm.toolgate' in filter_state && {}", hits_expression());
    fill(
        include_str!("rate_filter_hits.yaml"),
        &[("hits", scalar(&format!("%CEL({expression})%")))],
    )
}

/// Milliseconds as Envoy writes a duration.
fn seconds(millis: u32) -> String {
    format!("{}.{:03}s", millis / 1000, millis % 1000)
}

/// How many calls a request has.
fn hits_expression() -> String {
    format!("'calls' in {OBJECT} ? {OBJECT}.calls : '1'")
}

/// The entries of a request's descriptor. For what is no call, and for a message in place of a refused
/// call, the first looks up what is not there, and so there is no descriptor.
fn actions(rate: &Rate) -> String {
    let name = rate.name();
    let names = format!("{{'permitted': '{name}', 'shadow': '{name}'}}");
    let first = action(KEY, &format!("{names}[{OBJECT}.reason]"));
    let others = rate.members.iter().map(|member| action(member.as_str(), &expression(*member)));
    std::iter::once(first).chain(others).collect()
}

/// A member as a text, in any case: without one, a request would have no descriptor, and no limit.
fn expression(member: Member) -> String {
    let name = member.as_str();
    let of_one = format!("'{name}' in {OBJECT} ? {OBJECT}.{name} : '{NONE}'");
    if member.is_of_one_call() {
        format!("'calls' in {OBJECT} ? '{BATCH}' : {of_one}")
    } else {
        of_one
    }
}

fn action(key: &str, expression: &str) -> String {
    let values: &Values<'_> = &[("key", key.to_owned()), ("expression", scalar(expression))];
    fill(include_str!("rate_filter_action.yaml"), values)
}
