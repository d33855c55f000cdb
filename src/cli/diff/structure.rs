//! Compares two documents part by part.

pub(super) mod change;
mod envoy;
pub(super) mod failing;
mod parts;
mod policies;
mod tools;
pub(super) mod values;

use super::widening::Widening;
use crate::bundle::Document;
use change::{Bearing, Change, Part};

/// All differences.
#[derive(Debug)]
pub(super) struct Structure {
    /// The changes, in the order of the parts of a bundle.
    pub(super) changes: Vec<Change>,
}

impl Structure {
    /// Compares two documents that load.
    pub(super) fn compare(old: &Document, new: &Document) -> Self {
        let mut changes = parts::settings(old, new);
        changes.extend(policies::layers(old, new));
        changes.extend(policies::policies(old, new));
        changes.extend(tools::tools(old, new));
        changes.extend(parts::types(old, new));
        changes.extend(parts::entities(old, new));
        Self { changes }
    }

    /// Whether a change of this part may permit more calls.
    pub(super) fn may_widen(&self, part: Part) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.part == part && change.bearing == Bearing::MayWiden)
    }

    /// Whether only policies and layers differ, so that a policy in both bundles matches the same
    /// calls.
    pub(super) fn only_policies(&self) -> bool {
        self.changes.iter().all(|change| match change.part {
            Part::Policy | Part::Layer => true,
            Part::Setting | Part::Tool | Part::Type | Part::Entity => {
                change.bearing == Bearing::None
            }
        })
    }

    /// The ids of the policies that differ, apart from texts for people.
    pub(super) fn changed_policies(&self) -> impl Iterator<Item = &str> {
        let policies = self.changes.iter().filter(|change| change.part == Part::Policy);
        let decisive = policies.filter(|change| change.bearing != Bearing::None);
        decisive.map(|change| change.name.as_str())
    }

    /// Whether a refused call may now be permitted.
    pub(super) fn widening(&self) -> Widening {
        let widens = self.changes.iter().any(|change| change.bearing == Bearing::MayWiden);
        if widens { Widening::Possible } else { Widening::None }
    }
}
