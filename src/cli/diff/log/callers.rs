//! The caller of a recorded call, as each bundle maps it.

use serde_json::Value;

use crate::cli::input::cases::Identity;
use crate::cli::log::{Recorded, identity};
use crate::cli::output::report::Problem;
use crate::identity::IdentityMapping;

/// Mapping keys that name the source of a value. A record has the values, but not the claims and
/// certificates that another mapping would read.
const SOURCES: [&str; 9] = [
    "/principal/tokens",
    "/principal/id",
    "/principal/qualify_by_issuer",
    "/principal/parents",
    "/principal/tenant",
    "/principal/teams",
    "/workload",
    "/actor/must_match_spiffe",
    "/actor/spiffe",
];

/// How two bundles map the same claims.
#[derive(Debug)]
pub(super) struct Callers {
    /// A mapping key that makes the callers differ.
    differs: Option<&'static str>,
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
        let [old, new] = [old, new].map(|it| serde_json::to_value(it).unwrap_or_default());
        let differs = SOURCES.into_iter().find(|key| old.pointer(key) != new.pointer(key));
        let source = |mapping: &Value, name: &str| {
            let attribute = mapping.pointer("/principal/attributes")?.get(name)?;
            Some((attribute.get("claim").cloned(), attribute.get("type").cloned()))
        };
        let attributes = new.pointer("/principal/attributes").and_then(Value::as_object);
        let names = attributes.into_iter().flat_map(serde_json::Map::keys);
        let attributes = names.filter(|name| source(&old, name) != source(&new, name)).cloned();
        Self { differs, attributes: attributes.collect() }
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
        if let Some(key) = self.differs {
            let key = key.trim_start_matches('/').replace('/', ".");
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
