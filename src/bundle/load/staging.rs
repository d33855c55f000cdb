//! What of a bundle is in force, and what is in shadow: evaluated and recorded, never in the way.

use cedar_policy::{Policy, PolicySet};

use super::policy_site;
use crate::bundle::{Code, Finding, Layer, LayerName, Layers, Manifest, Mode, Site};

/// The layers in force, and all of them as if nothing were in shadow where something is.
pub(super) fn stage(
    manifest: &Manifest,
    all: Vec<Layer>,
    findings: &mut Vec<Finding>,
) -> (Layers, Option<Layers>) {
    let shadow = &manifest.layers.shadow;
    for layer in shadow.iter().filter(|name| !all.iter().any(|layer| layer.name == **name)) {
        findings.push(Finding::new(Code::Manifest, site(), format!("there is no layer `{layer}`")));
    }
    if shadow.contains(&LayerName::Org) {
        let finding = Finding::new(Code::Manifest, site(), "without `org` nothing is permitted");
        findings.push(finding.with_help("write `mode: shadow` to have the whole bundle in shadow"));
    }
    let mut partial = !shadow.is_empty();
    let mut enforced = Vec::new();
    for layer in all.iter().filter(|layer| !shadow.contains(&layer.name)) {
        let mut policies = PolicySet::new();
        for policy in layer.policies.policies() {
            match mode(policy) {
                Ok(Mode::Shadow) => partial = true,
                // Its id was unique in the set that it comes from.
                Ok(Mode::Enforce) => drop(policies.add(policy.clone())),
                Err(message) => {
                    let site = policy_site(&layer.name, policy.id().as_ref());
                    findings.push(Finding::new(Code::PolicyMode, site, message));
                }
            }
        }
        enforced.push(Layer { name: layer.name.clone(), policies });
    }
    // A bundle in shadow is judged as if it were in force; what it refuses passes nevertheless.
    if manifest.mode == Mode::Shadow || !partial {
        return (Layers::new(all), None);
    }
    (Layers::new(enforced), Some(Layers::new(all)))
}

fn site() -> Site {
    Site::Manifest("layers.shadow".to_owned())
}

/// The annotation `@mode`.
fn mode(policy: &Policy) -> Result<Mode, String> {
    match policy.annotation("mode") {
        None | Some("enforce") => Ok(Mode::Enforce),
        Some("shadow") => Ok(Mode::Shadow),
        Some(other) => Err(format!("`{other}` is not a mode: there are `enforce` and `shadow`")),
    }
}
