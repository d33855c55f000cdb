//! One change between two bundles, and its effect on decisions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::values::{self, Difference};

/// One difference.
#[derive(Debug)]
pub(in crate::cli::diff) struct Change {
    pub(in crate::cli::diff) part: Part,
    /// The name of the changed item within its part.
    pub(in crate::cli::diff) name: String,
    pub(in crate::cli::diff) kind: Kind,
    pub(in crate::cli::diff) bearing: Bearing,
    /// Whether Envoy's own configuration must follow, which `emit ecds` does not write.
    pub(in crate::cli::diff) needs_envoy: bool,
    /// How it differs.
    pub(in crate::cli::diff) differences: Vec<Difference>,
    /// Both texts of a policy; empty on the side that lacks it.
    pub(in crate::cli::diff) texts: Option<[String; 2]>,
}

/// A part of a bundle.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::cli::diff) enum Part {
    Setting,
    Layer,
    Policy,
    Tool,
    Type,
    Entity,
}

impl Part {
    /// Its name in JSON.
    pub(in crate::cli::diff) fn as_str(self) -> &'static str {
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

/// The kind of change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli::diff) enum Kind {
    Added,
    Removed,
    Changed,
}

impl Kind {
    pub(in crate::cli::diff) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// The effect of a change on decisions, for all calls. Changes that do not widen individually do
/// not widen together: each one leaves a bundle that permits no more than the one before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::cli::diff) enum Bearing {
    /// No decision changes.
    None,
    /// It can only refuse more.
    Narrows,
    /// It may permit more.
    MayWiden,
}

/// The changes between items by name, in the order of the names. `judge` derives the effect from
/// the two values; one of them is absent if the item was added or removed.
pub(super) fn by_name<T>(
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
        Some(Change {
            part,
            name: name.clone(),
            kind,
            bearing,
            needs_envoy: false,
            differences,
            texts: None,
        })
    });
    changes.collect()
}

/// The differences between two values of which one may be absent; empty if they are equal.
pub(super) fn differences(
    before: Option<&Value>,
    after: Option<&Value>,
) -> Option<Vec<Difference>> {
    let found = values::differences(before, after);
    (!found.is_empty()).then_some(found)
}
