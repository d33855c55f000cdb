//! Who approves what policies escalate.

use crate::approval::ApprovalSettings;
use crate::identity::IdentityMapping;
use crate::key::PublicKey;
use crate::memory::RateLimitSettings;

use super::{Issuer, Manifest};

/// Who approves what policies escalate, and how they are asked.
#[derive(Clone, Debug)]
pub struct Approvals {
    /// The section of the manifest.
    pub settings: ApprovalSettings,
    /// The name of the gate.
    pub gate: Issuer,
    /// The keys that sign approvals.
    pub keys: Vec<PublicKey>,
    /// The token whose mapping fits the claims of approvers.
    pub token: String,
    /// The service that tells all proxies whether an approval was used; `None` if each approval is for
    /// one proxy.
    pub use_counter: Option<RateLimitSettings>,
}

impl Approvals {
    /// The approvals of a manifest that was checked.
    pub(super) fn of(manifest: &Manifest) -> Option<Self> {
        let settings = manifest.approvals.clone()?;
        let token = token(&settings, &manifest.identity)?.to_owned();
        let (keys, _) = settings.keys();
        let use_counter = manifest.rate_limit_service.clone().filter(|_| settings.across_proxies);
        Some(Self { settings, gate: manifest.issuer.clone()?, keys, token, use_counter })
    }
}

/// The token whose mapping fits the claims of approvers.
pub(super) fn token<'m>(
    settings: &'m ApprovalSettings,
    mapping: &'m IdentityMapping,
) -> Option<&'m str> {
    let first = || mapping.principal.iter().flat_map(|each| &each.tokens).next();
    settings.token.as_ref().or_else(first).map(String::as_str)
}

/// Reports every problem with its key in the manifest.
pub(super) fn problems(manifest: &Manifest, error: &mut impl FnMut(&str, String)) {
    let Some(settings) = &manifest.approvals else { return };
    for (key, problem) in settings.problems() {
        error(&format!("approvals.{key}"), problem);
    }
    for (position, problem) in settings.keys().1 {
        error(&format!("approvals.keys.{position}"), problem.to_string());
    }
    if manifest.issuer.is_none() {
        let message = "a gate that asks for approval needs a name: write `issuer`";
        error("approvals", message.to_owned());
    }
    if settings.across_proxies && manifest.rate_limit_service.is_none() {
        let message =
            "no service tells proxies what was used: add the section `rate_limit_service`";
        error("approvals.across_proxies", message.to_owned());
    }
    let is_token = |name: &&String| manifest.identity.all_token_names().contains(name);
    if let Some(name) = settings.provider.as_ref().filter(is_token) {
        let message = format!("`{name}` is already a token of `identity`: give it another name");
        error("approvals.provider", message);
    }
    let Some(token) = token(settings, &manifest.identity) else {
        return error("approvals.token", "no token has a mapping that fits an approver".to_owned());
    };
    let mappings = manifest.identity.principal.iter();
    let mut types: Vec<String> = mappings
        .filter(|each| each.tokens.iter().any(|name| name == token))
        .map(|each| each.entity_type.to_string())
        .collect();
    types.sort_unstable();
    types.dedup();
    match types.as_slice() {
        [] => error("approvals.token", format!("no mapping is for the token `{token}`")),
        [_] => {}
        [..] => {
            let message = format!("approvers would be of several types: {}", types.join(", "));
            error("approvals.token", message);
        }
    }
}

/// The Cedar type of approvers.
pub(super) fn approver_type(manifest: &Manifest) -> Option<String> {
    let token = token(manifest.approvals.as_ref()?, &manifest.identity)?;
    let mut mappings = manifest.identity.principal.iter();
    let of_token = mappings.find(|each| each.tokens.iter().any(|name| name == token))?;
    Some(of_token.entity_type.to_string())
}
