//! Separates enforced policies from shadow policies, which are evaluated and recorded but never
//! refuse.

use crate::bundle::{Code, Finding, Layer, LayerName, Layers, Manifest, Mode, Site};

/// The enforced layers and, if any policy is in shadow, all layers with shadow policies enforced.
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
    let partial = !shadow.is_empty() || all.iter().any(Layer::is_partial);
    // A bundle in shadow is evaluated as if enforced; its refusals are forwarded anyway.
    if manifest.mode == Mode::Shadow || !partial {
        return (Layers::new(all), None);
    }
    let enforced = all.iter().filter(|layer| !shadow.contains(&layer.name)).map(Layer::in_force);
    (Layers::new(enforced), Some(Layers::new(all)))
}

fn site() -> Site {
    Site::Manifest("layers.shadow".to_owned())
}
