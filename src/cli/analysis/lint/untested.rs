//! Finds entities in policies that come from claims and that no identity of the tests has.
//!
//! Any role can be in a token, so a misspelt one is not known to be wrong; but the tests say which
//! roles people have.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use cedar_policy::{EntityTypeName, EntityUid};

use super::entities::Population;
use super::world::World;
use crate::bundle::{Code, Finding};
use crate::cli::input::cases::{Identity, Suite};
use crate::cli::output::fuzzy_match;
use crate::identity::{IdentityMapping, identify, identify_person};

/// The ids that the identities of the tests have, by type.
struct Tested(BTreeMap<EntityTypeName, BTreeSet<String>>);

/// One finding for each such entity of a policy. Types of which the tests have none, and those whose
/// entities are declared, are left out.
pub(super) fn check(world: &World<'_>, suite: &Suite) -> Vec<Finding> {
    let tested = Tested::of(&world.document.manifest.identity, suite);
    let population = Population::of(world);
    let mut findings = Vec::new();
    for (layer, policy) in world.policies() {
        let literals: BTreeSet<EntityUid> = policy.entity_literals().into_iter().collect();
        let doubtful: Vec<_> = literals
            .iter()
            .filter(|uid| population.is_from_tokens(uid.type_name()))
            .filter_map(|uid| Some((uid, tested.help(uid)?)))
            .collect();
        if doubtful.is_empty() {
            continue;
        }
        let read = world.read(layer, policy);
        findings.extend(doubtful.into_iter().map(|(uid, help)| {
            let message = format!("no identity in `tests/` is `{uid}`, or in it");
            read.finding_at(&uid.to_string(), Code::UntestedEntity, message).with_help(help)
        }));
    }
    findings
}

impl Tested {
    fn of(mapping: &IdentityMapping, suite: &Suite) -> Self {
        let mut ids: BTreeMap<EntityTypeName, BTreeSet<String>> = BTreeMap::new();
        let identities = suite.files().flat_map(|(_, read)| read.identities.values());
        for uid in identities.flat_map(|identity| entities(mapping, identity)) {
            let of_type = ids.entry(uid.type_name().clone()).or_default();
            of_type.insert(uid.id().unescaped().to_owned());
        }
        Self(ids)
    }

    /// What to do about an entity that no identity has, if others of its type are there.
    fn help(&self, uid: &EntityUid) -> Option<String> {
        let (kind, id) = (uid.type_name(), uid.id().unescaped());
        let ids = self.0.get(kind).filter(|ids| !ids.contains(id))?;
        let near = fuzzy_match::nearest(id, ids.iter().map(String::as_str));
        Some(match near {
            Some(near) => format!(
                "did you mean `{kind}::\"{near}\"`? if not, give it to an identity in `tests/`"
            ),
            None => "give it to an identity in `tests/`, or correct it".to_owned(),
        })
    }
}

/// The entities that the claims of an identity become, as a caller or an approver; none if the gate
/// refuses it.
fn entities(mapping: &IdentityMapping, identity: &Identity) -> Vec<EntityUid> {
    let person = || {
        let mut tokens = identity.tokens.iter();
        tokens.find_map(|(token, claims)| {
            Some(identify_person(mapping, token, claims).ok()?.identity)
        })
    };
    let caller = identify(mapping, &identity.attested()).ok();
    let Some(identity) = caller.or_else(person) else { return Vec::new() };
    let parents = identity.principal.parents.iter();
    let parents = parents.filter_map(|parent| EntityUid::from_str(parent).ok());
    let agents = identity.actor.into_iter().flat_map(|actor| actor.agents);
    parents.chain([identity.principal.entity.uid()]).chain(agents).collect()
}
