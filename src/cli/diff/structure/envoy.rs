//! Finds the settings from which `toolgate emit envoy` makes Envoy's own configuration.

use std::collections::BTreeSet;

use serde_json::Value;

use super::values::Difference;
use crate::bundle::Document;
use crate::cli::emit::limits::buffer_for;
use crate::identity::IdentityMapping;

/// The texts of the answer to a token that Envoy refuses.
const TEXTS: [&str; 4] =
    ["refusal.code", "refusal.help", "refusal.resource_metadata", "refusal.step_up"];

/// What the gate asks or has verified beside the tokens of callers. A new section is one of them.
const SERVICES: [&str; 5] = [
    "approvals",
    "approvals.provider",
    "approvals.cluster",
    "rate_limit_service",
    "rate_limit_service.cluster",
];

/// What an Envoy that is configured for one bundle lacks for another one.
#[derive(Debug)]
pub(super) struct Lacking {
    /// Paths and authorities of channels, with their server.
    routes: Vec<Value>,
    /// Names and issuers of tokens.
    tokens: BTreeSet<String>,
    buffer: bool,
    /// A token of which a claim was demanded needs no audience in Envoy, until nothing is demanded.
    audience: bool,
}

impl Lacking {
    /// What Envoy lacks for the new bundle, if it is configured for the old one.
    pub(super) fn between(old: &Document, new: &Document) -> Self {
        let known: Vec<Value> = routes(old);
        let limits = [old, new].map(|document| buffer_for(document.manifest.limits));
        let [was, is] = [old, new].map(|document| &document.manifest.identity);
        let without = |name: &String| demands(was, name) && !demands(is, name);
        Self {
            audience: is.all_token_names().iter().any(without),
            routes: routes(new).into_iter().filter(|route| !known.contains(route)).collect(),
            tokens: tokens(new).difference(&tokens(old)).cloned().collect(),
            buffer: limits.is_sorted_by(|before, after| before < after),
        }
    }

    /// Whether a difference between settings is such.
    pub(super) fn has(&self, name: &str, difference: &Difference) -> bool {
        let after = difference.after.as_ref();
        match name.split('.').next().unwrap_or_default() {
            "channels" => after.is_some_and(|it| self.routes.contains(&route(it))),
            "identity" => {
                let is_demand =
                    ["identity.principal", "identity.principal.require", "identity.capabilities"]
                        .contains(&name);
                (self.audience && is_demand) || after.is_some_and(|it| mentions(it, &self.tokens))
            }
            "approvals" | "rate_limit_service" => {
                SERVICES.contains(&name) && after.is_some_and(|it| !it.is_null())
            }
            "limits" => name == "limits.body_bytes" && self.buffer,
            "environment" => true,
            _ => TEXTS.contains(&name),
        }
    }
}

/// Whether the gate itself asks whom a token is for.
fn demands(identity: &IdentityMapping, name: &str) -> bool {
    let mut capabilities = identity.capabilities.iter().filter(|each| each.token == name);
    identity.requires_claims(name)
        || capabilities.any(|each| each.audience.is_some() || !each.require.is_empty())
}

fn routes(document: &Document) -> Vec<Value> {
    let channels = document.manifest.channels.iter();
    channels.map(|it| route(&serde_json::to_value(it).unwrap_or_default())).collect()
}

/// A channel without what only the filter reads.
fn route(channel: &Value) -> Value {
    let mut route = channel.clone();
    if let Some(members) = route.as_object_mut() {
        members.remove("protocol");
    }
    route
}

fn tokens(document: &Document) -> BTreeSet<String> {
    let identity = &document.manifest.identity;
    let issuers = identity.principal.iter().flat_map(|mapping| &mapping.issuers);
    let headers = identity.in_own_headers().map(|(_, header)| header.to_owned());
    identity.all_token_names().into_iter().chain(issuers.cloned()).chain(headers).collect()
}

/// Whether one of the texts is anywhere in a value.
fn mentions(value: &Value, texts: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => texts.contains(text),
        Value::Array(items) => items.iter().any(|item| mentions(item, texts)),
        Value::Object(members) => members.values().any(|member| mentions(member, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
