//! Two documents → every change between them, by the parts of a bundle.

mod failing;
mod parts;
mod policies;
mod tools;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Widening;
use crate::bundle::Document;

pub(super) use failing::can_fail;
pub(super) use values::Difference;

/// Everything that is different.
#[derive(Debug)]
pub(super) struct Structure {
    /// The changes, in the order of the parts of a bundle.
    pub(super) changes: Vec<Change>,
}

/// One thing that is different.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) part: Part,
    /// What it is, as its part names it.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) bearing: Bearing,
    /// What about it is different.
    pub(super) differences: Vec<Difference>,
    /// Both texts of a policy; the absent one is empty.
    pub(super) texts: Option<[String; 2]>,
}

/// A part of a bundle.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Part {
    Setting,
    Layer,
    Policy,
    Tool,
    Type,
    Entity,
}

impl Part {
    /// Its name for programs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Layer => "layer",
            Self::Policy => "policy",
            Self::Tool => "tool",
            Self::Type => "type",
            Self::Entity => "entity",
        }
    }
}

/// How something is different.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Added,
    Removed,
    Changed,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// What a change can do to decisions, whatever the call. Several changes of which none widens do
/// not widen together: each leaves a bundle that permits no more than the one before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Bearing {
    /// It changes no decision.
    None,
    /// It can only refuse more.
    Narrows,
    /// It may permit more.
    MayWiden,
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

    /// Whether a change of this part may permit more.
    pub(super) fn may_widen(&self, part: Part) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.part == part && change.bearing == Bearing::MayWiden)
    }

    /// Whether a policy that both bundles have matches the same calls in both.
    pub(super) fn only_policies(&self) -> bool {
        self.changes.iter().all(|change| match change.part {
            Part::Policy | Part::Layer => true,
            Part::Setting | Part::Tool | Part::Type | Part::Entity => {
                change.bearing == Bearing::None
            }
        })
    }

    /// The ids of the policies that are not the same in both, words aside.
    pub(super) fn changed_policies(&self) -> impl Iterator<Item = &str> {
        let policies = self.changes.iter().filter(|change| change.part == Part::Policy);
        let decisive = policies.filter(|change| change.bearing != Bearing::None);
        decisive.map(|change| change.name.as_str())
    }

    /// Whether something may pass that did not.
    pub(super) fn widening(&self) -> Widening {
        let widens = self.changes.iter().any(|change| change.bearing == Bearing::MayWiden);
        if widens { Widening::Possible } else { Widening::None }
    }
}

/// Things by name, before and after → the changes, in the order of the names. `judge` says what
/// follows from the difference between two values; of what is added or removed, one is absent.
fn by_name<T>(
    part: Part,
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    judge: impl Fn(&str, Option<&T>, Option<&T>) -> Option<(Bearing, Vec<Difference>)>,
) -> Vec<Change> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changes = names.into_iter().filter_map(|name| {
        let (before, after) = (old.get(name), new.get(name));
        let (bearing, differences) = judge(name, before, after)?;
        let kind = match (before, after) {
            (None, _) => Kind::Added,
            (Some(_), None) => Kind::Removed,
            (Some(_), Some(_)) => Kind::Changed,
        };
        Some(Change { part, name: name.clone(), kind, bearing, differences, texts: None })
    });
    changes.collect()
}

/// The differences between two values of which one may be absent; none when they are the same.
fn differences(before: Option<&Value>, after: Option<&Value>) -> Option<Vec<Difference>> {
    let found = values::differences(before, after);
    (!found.is_empty()).then_some(found)
}
