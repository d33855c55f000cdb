//! Changes the policies of a bundle one place at a time, and finds out which changes no case of the
//! tests notices: full coverage does not show that a limit has moved.

mod change;
mod witness;

use self::change::Change;
use super::coverage::Coverage;
use super::verdict;
use crate::bundle::{self, Document, LayerName, Policies, PolicySource};
use crate::cli::input::cases::Suite;
use crate::gate::Gate;
pub(in crate::cli) use witness::Case;
use witness::Search;

/// A change of a policy that no case notices.
#[derive(Debug)]
pub(in crate::cli) struct Unnoticed {
    pub(in crate::cli) layer: LayerName,
    pub(in crate::cli) policy: String,
    /// What is different, in words.
    pub(in crate::cli) change: String,
    /// A case that notices it, if one was found.
    pub(in crate::cli) case: Option<Case>,
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
                mutations.unnoticed.push(Unnoticed {
                    layer: layer.clone(),
                    policy: policy.id.to_owned(),
                    case: search.case(&changed, policy.id, &change),
                    change: change.what,
                });
            }
        }
    }
    mutations
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
    changed.resolved = None;
    let loaded = bundle::load(&changed).ok()?;
    let environment = document.environment_name();
    Some(Gate::new(loaded.bundle, environment))
}

fn is_noticed(gate: &Gate, suite: &Suite) -> bool {
    suite.cases().any(|(file, case, _)| !verdict::passes(gate, file, case))
}
