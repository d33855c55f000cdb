//! Finds mappings of several providers under which two people are one principal.

use super::world::World;
use crate::bundle::{Code, Finding, Site};
use crate::identity::PrincipalMapping;

/// One finding for each mapping whose principals another one can name too.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let mappings = &world.document.manifest.identity.principal;
    let mut findings = Vec::new();
    for (index, mapping) in mappings.iter().enumerate() {
        let Some(other) = mappings.iter().take(index).position(|other| overlap(other, mapping))
        else {
            continue;
        };
        let site = Site::Manifest(format!("identity.principal.{index}"));
        let kind = &mapping.entity_type;
        let message = format!(
            "an id of this provider and the same id of `identity.principal.{other}` are one `{kind}`"
        );
        let help = "give each its own `type`, or set `qualify_by_issuer` in both";
        findings.push(Finding::new(Code::SharedPrincipal, site, message).with_help(help));
    }
    findings
}

fn overlap(one: &PrincipalMapping, other: &PrincipalMapping) -> bool {
    let qualified = one.qualify_by_issuer && other.qualify_by_issuer;
    // Tokens of one issuer name the same people.
    let same_issuer = matches!((&*one.issuers, &*other.issuers), ([a], [b]) if a == b);
    one.entity_type == other.entity_type && !qualified && !same_issuer
}
