//! Changes the policies and limits of a bundle one place at a time, and finds out which changes no case of the
//! tests notices: full coverage does not show that a limit has moved.

mod change;
mod settings;
mod witness;

use cedar_policy::PolicyId;

use self::change::Change;
use self::settings::Setting;
use super::coverage::Coverage;
use super::{recalled, verdict};
use crate::bundle::{self, Document, LayerName, Policies, PolicySource};
use crate::cli::input::cases::Suite;
use crate::gate::Gate;
pub(in crate::cli) use witness::Case;
use witness::Search;

/// A change that no case notices.
#[derive(Debug)]
pub(in crate::cli) struct Unnoticed {
    pub(in crate::cli) place: Place,
    /// What is different, in words.
    pub(in crate::cli) change: String,
    /// A case that notices it, if one was found.
    pub(in crate::cli) case: Option<Case>,
    /// Which case would notice it, in words.
    pub(in crate::cli) hint: Option<String>,
}

/// What is changed.
#[derive(Debug)]
pub(in crate::cli) enum Place {
    /// A policy of a layer.
    Policy(LayerName, String),
    /// A key of `bundle.yaml`.
    Setting(String),
}

/// The outcome of all changes.
#[derive(Debug, Default)]
pub(in crate::cli) struct Mutations {
    /// How many changes load.
    pub(in crate::cli) changes: usize,
    pub(in crate::cli) unnoticed: Vec<Unnoticed>,
}

/// Tries every change. All cases must pass with the bundle as it is.
pub(in crate::cli) fn all(
    document: &Document,
    gate: &Gate,
    suite: &Suite,
    mut progress: impl FnMut(usize),
) -> Mutations {
    let coverage = Coverage::of(&gate.bundle);
    let mut search = Search::new(gate, &document.manifest.channels, suite, &coverage);
    let mut mutations = Mutations::default();
    for (layer, policies) in &document.layers {
        for policy in policies.iter() {
            for change in change::all(policy.source) {
                let Some(changed) = changed(document, layer, policy.id, &change) else { continue };
                mutations.changes = mutations.changes.saturating_add(1);
                progress(mutations.changes);
                if is_noticed(&changed, suite) {
                    continue;
                }
                let case = search.case(&changed, policy.id, &change);
                let hint = case.is_none() && recalls(gate, policy.id);
                mutations.unnoticed.push(Unnoticed {
                    place: Place::Policy(layer.clone(), policy.id.to_owned()),
                    case,
                    change: change.what,
                    hint: hint.then(|| EARLIER.to_owned()),
                });
            }
        }
    }
    for setting in settings::all(&document.manifest, &gate.bundle) {
        let Setting { key, what, hint, manifest } = setting;
        let Some(changed) = loaded(Document { manifest, ..document.clone() }) else { continue };
        mutations.changes = mutations.changes.saturating_add(1);
        progress(mutations.changes);
        if !is_noticed(&changed, suite) {
            let (place, hint) = (Place::Setting(key), Some(hint));
            mutations.unnoticed.push(Unnoticed { place, change: what, case: None, hint });
        }
    }
    mutations
}

/// The search makes single calls.
const EARLIER: &str = "the policy reads earlier calls: a case with `after` may notice it";

fn recalls(gate: &Gate, policy: &str) -> bool {
    let policy = gate.bundle.all_layers().policy(&PolicyId::new(policy));
    policy.is_some_and(|(_, policy)| !recalled::paths(policy).is_empty())
}

/// The gate with a changed policy; `None` if the bundle does not load so.
fn changed(document: &Document, layer: &LayerName, id: &str, change: &Change) -> Option<Gate> {
    let mut changed = document.clone();
    let mut policies = Policies::default();
    for policy in document.layers.get(layer)?.iter() {
        let source = if policy.id == id { change.source.as_str() } else { policy.source };
        policies.push(PolicySource { id: policy.id, source });
    }
    changed.layers.insert(layer.clone(), policies);
    loaded(changed)
}

/// The gate of a changed document; `None` if it does not load.
fn loaded(mut document: Document) -> Option<Gate> {
    document.resolved = None;
    let loaded = bundle::load(&document).ok()?;
    let environment = document.environment_name();
    Some(Gate::without_servers(loaded.bundle, environment))
}

fn is_noticed(gate: &Gate, suite: &Suite) -> bool {
    suite.cases().any(|(file, case, _)| !verdict::passes(gate, file, case))
}
