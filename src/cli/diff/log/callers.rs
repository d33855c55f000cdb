//! The caller of a recorded call, as each bundle maps it.

use std::collections::BTreeSet;

use crate::cli::input::cases::Identity;
use crate::cli::log::{Recorded, identity};
use crate::cli::output::report::Problem;
use crate::identity::{AttributeMapping, IdentityMapping, PrincipalMapping};

/// Mapping keys that name the source of a value, or say which token has which mapping. A record has
/// the values, but not the claims and certificates that another mapping would read.
const SOURCES: [&str; 7] = [
    "/forwarded_by",
    "/actor/qualify_by_issuer",
    "/workload",
    "/actor/claim",
    "/actor/must_match_claim",
    "/actor/must_match_spiffe",
    "/actor/spiffe",
];

/// The same of each mapping of principals.
const PRINCIPAL_SOURCES: [&str; 10] = [
    "tokens",
    "issuers",
    "id",
    "qualify_by_issuer",
    "parents",
    "tenant",
    "teams",
    "actor",
    "require",
    "refuse_if",
];

/// How two bundles map the same claims.
#[derive(Debug)]
pub(super) struct Callers {
    /// A mapping key that makes the callers differ.
    differs: Option<String>,
    /// The attributes that the new bundle reads from another source.
    attributes: Vec<String>,
}

/// A caller, and what its record lacks.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    /// Attributes of the principal.
    pub(super) withheld: Vec<String>,
}

impl Callers {
    pub(super) fn new(old: &IdentityMapping, new: &IdentityMapping) -> Self {
        let attributes = attributes(&old.principal, &new.principal);
        let differs = principals(&old.principal, &new.principal);
        let [old, new] = [old, new].map(|it| serde_json::to_value(it).unwrap_or_default());
        let others = SOURCES.into_iter().find(|key| old.pointer(key) != new.pointer(key));
        let others = || Some(others?.trim_start_matches('/').replace('/', "."));
        Self { differs: differs.or_else(others), attributes }
    }

    /// The caller as the old bundle maps it. A record that it did not write may come from a bundle
    /// that mapped fewer attributes.
    pub(super) fn old(
        recorded: &Recorded,
        mapping: &IdentityMapping,
        of_old: bool,
    ) -> Result<Caller, Problem> {
        let restored = identity::restore(recorded, mapping)?;
        let unsaid = if of_old { Vec::new() } else { restored.unsaid };
        let withheld = restored.withheld.into_iter().chain(unsaid).collect();
        Ok(Caller { identity: restored.identity, withheld })
    }

    /// The caller as the new bundle maps it.
    pub(super) fn new_one(
        &self,
        recorded: &Recorded,
        mapping: &IdentityMapping,
        of_old: bool,
    ) -> Result<Caller, Problem> {
        if let Some(key) = &self.differs {
            let message = format!(
                "`identity.{key}` differs, and the record does not hold what it takes from the token"
            );
            return Err(Problem::new(message));
        }
        let mut caller = Self::old(recorded, mapping, of_old)?;
        caller.withheld.extend(self.attributes.iter().cloned());
        Ok(caller)
    }
}

/// The key in which the mappings of principals differ.
fn principals(old: &[PrincipalMapping], new: &[PrincipalMapping]) -> Option<String> {
    if old.len() != new.len() {
        return Some("principal".to_owned());
    }
    old.iter().zip(new).find_map(|mappings| {
        let (old, new) = mappings;
        let [old, new] = [old, new].map(|each| serde_json::to_value(each).unwrap_or_default());
        let key = PRINCIPAL_SOURCES.into_iter().find(|key| old.get(key) != new.get(key))?;
        Some(format!("principal.{key}"))
    })
}

/// The attributes that the new mappings read from another source.
fn attributes(old: &[PrincipalMapping], new: &[PrincipalMapping]) -> Vec<String> {
    let source = |mapping: &PrincipalMapping, name: &String| {
        let AttributeMapping { claim, claim_type, form, .. } = mapping.attributes.get(name)?;
        Some((claim.clone(), *claim_type, *form))
    };
    let changed = new.iter().zip(old).flat_map(|(new, old)| {
        new.attributes.keys().filter(move |name| source(old, name) != source(new, name))
    });
    changed.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}
