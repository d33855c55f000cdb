//! Says which tools enter or leave a class.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::reviewed::Reviewed;
use crate::cli::offered::Classes;
use crate::cli::output::escape::shown;

/// The changes of classes: names of tools on the wire, by class.
#[derive(Debug, Serialize)]
pub(super) struct Moves {
    entered: Classes,
    left: Classes,
}

impl Moves {
    /// The changes from `before` to `after`.
    pub(super) fn between(before: &Classes, after: &Classes) -> Self {
        Self { entered: without(after, before), left: without(before, after) }
    }

    /// The number of tools that enter or leave a class.
    pub(super) fn len(&self) -> usize {
        self.entered.values().chain(self.left.values()).map(BTreeSet::len).sum()
    }

    /// One line for each change, with the names in the bundle.
    pub(super) fn told(&self, reviewed: &Reviewed) -> String {
        let (server, entries) = (reviewed.server(), reviewed.notes().entries());
        let mut text = String::new();
        for (moves, what) in [(&self.entered, "enters"), (&self.left, "leaves")] {
            for (class, tools) in moves {
                for tool in tools {
                    let tool = shown(entries.name_of(tool));
                    let _ = writeln!(text, "{server}/{tool} {what} the class {}", shown(class));
                }
            }
        }
        text
    }
}

/// The tools of each class that others lack.
fn without(classes: &Classes, others: &Classes) -> Classes {
    let rest = classes.iter().filter_map(|(class, tools)| {
        let rest = match others.get(class) {
            Some(others) => tools.difference(others).cloned().collect(),
            None => tools.clone(),
        };
        (!rest.is_empty()).then(|| (class.clone(), rest))
    });
    rest.collect()
}
