//! The clusters of services that the filter itself asks.

use std::collections::BTreeSet;

use super::template::{Values, fill, scalar};
use super::values::Endpoint;
use crate::bundle::Manifest;
use crate::cli::output::report::Problem;

/// A service that the filter asks.
pub(super) struct Service<'a> {
    /// The name of its cluster, if the bundle has one.
    cluster: Option<&'a str>,
    /// The key of the bundle that names the cluster.
    key: &'static str,
    /// What the cluster is for.
    task: &'static str,
    /// The option that says where it is.
    option: &'static str,
    template: &'static str,
}

impl<'a> Service<'a> {
    /// The service that counts global budgets.
    pub(super) fn of_budgets(manifest: &'a Manifest) -> Self {
        Self {
            cluster: manifest.rate_limit_service.as_ref().map(|service| service.cluster.as_str()),
            key: "rate_limit_service",
            task: "counts global budgets, rates and the use of approvals",
            option: "--rate-limits",
            template: include_str!("rate_limits.yaml"),
        }
    }

    /// The approval service.
    pub(super) fn of_approvals(manifest: &'a Manifest) -> Self {
        Self {
            cluster: manifest.approvals.as_ref().and_then(|it| it.cluster.as_deref()),
            key: "approvals.cluster",
            task: "puts calls to people",
            option: "--approvals",
            template: include_str!("approvals.yaml"),
        }
    }

    /// Comments about the clusters that a control plane has to have, and what they are there.
    pub(super) fn needs(manifest: &'a Manifest, there: &str) -> String {
        let services = [Self::of_budgets(manifest), Self::of_approvals(manifest)];
        let needs = services.iter().filter_map(|Self { cluster, task, .. }| {
            Some(format!("#   - a cluster `{}`, which {task}: {there};\n", cluster.as_ref()?))
        });
        needs.collect()
    }

    /// Envoy's cluster of the service; nothing for a bundle that needs none. `others` are the names of
    /// the other clusters.
    pub(super) fn written(
        &self,
        at: Option<&Endpoint>,
        others: &BTreeSet<String>,
    ) -> Result<String, Vec<Problem>> {
        let Self { cluster, key, task, option, template } = self;
        let problem =
            |message: String, help: String| Err(vec![Problem::new(message).with_help(help)]);
        match (cluster, at) {
            (None, None) => Ok(String::new()),
            (None, Some(_)) => {
                problem(format!("the bundle has no section `{key}`"), format!("leave out {option}"))
            }
            (Some(name), None) => problem(
                format!("the cluster `{name}` {task}"),
                format!("say where it is: {option} HOST:PORT"),
            ),
            (Some(name), Some(_)) if others.contains(*name) => problem(
                format!("`{name}` is the cluster of a tool server"),
                format!("give `{key}` another name"),
            ),
            (Some(name), Some(at)) => {
                let values: &Values<'_> = &[
                    ("name", scalar(name)),
                    ("host", at.address()),
                    ("port", at.port.to_string()),
                ];
                Ok(fill(template, values))
            }
        }
    }
}
