//! `toolgate emit limitador`: the limits of global budgets, as Limitador reads them.

use serde_json::json;

use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};
use crate::cli::input::directory::Opened;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::memory::GlobalLimit;

/// Write the limits of global budgets for Limitador
///
/// Limitador takes limits from a file. Without this one it counts nothing, and permits everything.
/// Envoy's own rate limit service needs no file: each question has its limit.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  toolgate emit limitador policies/acme --environment production -o limits.yaml
  limitador-server limits.yaml redis redis://127.0.0.1:6379")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) bundle: BundleArgument,
    #[command(flatten)]
    pub(super) environment: EnvironmentArgument,
    #[command(flatten)]
    pub(super) output: Destination,
}

pub(super) fn emit(opened: &Opened) -> Result<String, Stop> {
    let Some(plan) = &opened.loaded.bundle.memory else { return Err(none()) };
    let (domain, limits) = plan.global_limits();
    let limits: Vec<String> = limits.map(|limit| written(domain, &limit)).collect();
    if limits.is_empty() { Err(none()) } else { Ok(limits.concat()) }
}

fn none() -> Stop {
    let problem = Problem::new("the bundle has no global budget".to_owned());
    vec![problem.with_help("add `global: {}` to a budget")].into()
}

/// One limit. What is written as JSON is YAML too.
fn written(domain: &str, limit: &GlobalLimit<'_>) -> String {
    let GlobalLimit { budget, hits, seconds } = limit;
    let condition = format!("descriptors[0]['budget'] == '{budget}'");
    format!(
        "- namespace: {}
  name: {}
  max_value: {hits}
  seconds: {seconds}
  conditions: {}
  variables: {}
",
        json!(domain),
        json!(budget),
        json!([condition]),
        json!(["descriptors[0]['whose']"]),
    )
}
