//! The cluster of the service that counts global budgets.

use std::collections::BTreeSet;

use super::template::{Values, fill, scalar};
use super::values::Endpoint;
use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;

/// Envoy's cluster of the rate limit service; nothing for a bundle that needs none.
pub(super) fn cluster(
    opened: &Opened,
    at: Option<&Endpoint>,
    others: &BTreeSet<String>,
) -> Result<String, Vec<Problem>> {
    let service = opened.document.manifest.rate_limit_service.as_ref();
    let problem = |message: String, help: &str| Err(vec![Problem::new(message).with_help(help)]);
    match (service, at) {
        (None, None) => Ok(String::new()),
        (None, Some(_)) => problem(
            "the bundle has no section `rate_limit_service`".to_owned(),
            "leave out --rate-limits",
        ),
        (Some(service), None) => problem(
            format!("the cluster `{}` counts global budgets", service.cluster),
            "say where it is: --rate-limits HOST:PORT",
        ),
        (Some(service), Some(_)) if others.contains(&service.cluster) => problem(
            format!("`{}` is the cluster of a tool server", service.cluster),
            "give `rate_limit_service.cluster` another name",
        ),
        (Some(service), Some(at)) => {
            let values: &Values<'_> = &[
                ("name", scalar(&service.cluster)),
                ("host", at.address()),
                ("port", at.port.to_string()),
            ];
            Ok(fill(include_str!("rate_limits.yaml"), values))
        }
    }
}
