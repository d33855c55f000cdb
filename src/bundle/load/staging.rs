//! What of a bundle is in force, and what is in shadow: evaluated and recorded, never in the way.

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
    let partial = !shadow.is_empty() || all.iter().any(Layer::is_partial);
    // A bundle in shadow is judged as if it were in force; what it refuses passes nevertheless.
    if manifest.mode == Mode::Shadow || !partial {
        return (Layers::new(all), None);
    }
    let enforced = all.iter().filter(|layer| !shadow.contains(&layer.name)).map(Layer::in_force);
    (Layers::new(enforced), Some(Layers::new(all)))
}

fn site() -> Site {
    Site::Manifest("layers.shadow".to_owned())
}
