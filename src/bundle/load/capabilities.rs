//! Checks of capabilities, and of the scopes that clients may ask for.

use std::collections::BTreeSet;

use cedar_policy::{Effect, PolicySet};

use super::is_plain_member;
use crate::bundle::{Code, Finding, LayerName, Manifest, Site};
use crate::gate::CAPABILITIES;
use crate::identity::{CapabilityMapping, IdentityMapping};
use crate::policy::Reads;

/// The most scopes that clients may ask for.
const MOST_SCOPES: usize = 32;

/// The members of a capability in the context that are no attributes.
const REGISTERED: [&str; 3] = ["expires", "txn", "scopes"];

/// Reports every problem with its key in the manifest.
pub(super) fn problems(manifest: &Manifest, error: &mut impl FnMut(&str, String)) {
    let mut tokens = BTreeSet::new();
    let mut headers = BTreeSet::new();
    for (position, each) in manifest.identity.capabilities.iter().enumerate() {
        let mut error = |member: &str, message: String| {
            error(&format!("identity.capabilities.{position}.{member}"), message);
        };
        if !tokens.insert(&each.token) {
            error("token", format!("the capability `{}` stands there twice", each.token));
        }
        if !is_plain_member(&each.token) {
            let message =
                format!("`{}` is not a plain name: use letters, digits, `-`, `_`", each.token);
            error("token", message);
        }
        if let Some(problem) = header(each, &manifest.identity) {
            error("header", problem);
        }
        if each.header.as_ref().is_some_and(|header| !headers.insert(header)) {
            error("header", "another capability comes in this header".to_owned());
        }
        for name in each.attributes.keys().filter(|name| REGISTERED.contains(&name.as_str())) {
            let message = format!("`{name}` is the name of a registered claim in the context");
            error(&format!("attributes.{name}"), message);
        }
    }
    let offered = &manifest.refusal.step_up;
    if offered.len() > MOST_SCOPES {
        error("refusal.step_up", format!("there are at most {MOST_SCOPES} scopes"));
    }
    let mut known = BTreeSet::new();
    if let Some(twice) = offered.iter().find(|scope| !known.insert(*scope)) {
        error("refusal.step_up", format!("`{}` stands there twice", twice.as_str()));
    }
}

/// A token that only limits comes in a header of its own.
fn header(capability: &CapabilityMapping, mapping: &IdentityMapping) -> Option<String> {
    let names_principal = mapping.token_names().contains(&capability.token);
    match &capability.header {
        None if names_principal => None,
        None => Some("say in which header the token comes, such as `txn-token`".to_owned()),
        Some(_) if names_principal => {
            Some("the token that names the principal comes where it always does".to_owned())
        }
        Some(header) => {
            let is_name =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let is_taken = header == "authorization" || header.starts_with("toolgate-");
            (header.is_empty() || !header.bytes().all(is_name) || is_taken).then(|| {
                format!(
                    "`{header}` is not the name of a header in lower case that a client may send"
                )
            })
        }
    }
}

/// The permits that read capabilities, which only restrict.
pub(super) fn granting(
    mapping: &IdentityMapping,
    layers: &[(LayerName, PolicySet)],
) -> Vec<Finding> {
    if mapping.capabilities.is_empty() {
        return Vec::new();
    }
    let policies = layers.iter().flat_map(|(layer, set)| set.policies().map(move |it| (layer, it)));
    let grants = policies.filter(|(_, policy)| {
        policy.effect() == Effect::Permit && Reads::of_policy(policy).has(&[CAPABILITIES])
    });
    let finding = |(layer, policy): (&LayerName, &cedar_policy::Policy)| {
        let site = Site::policy(layer, policy.id().as_ref());
        let message = "it permits because of `context.capabilities`, which only restrict";
        Finding::new(Code::CapabilityGrants, site, message)
            .with_help("write what a capability must have as `forbid … unless { … }`")
    };
    grants.map(finding).collect()
}
