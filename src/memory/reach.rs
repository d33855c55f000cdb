//! How far back something counts, where bundles of several versions count it.

use serde::{Deserialize, Serialize};

use super::Millis;

/// How far back something counts.
///
/// A stream keeps the bundle with which it began, so a version that reaches less far can still write
/// when one that reaches further is in force, or the other way round. The longer span holds until what
/// was added under it is over.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Reach {
    span: Millis,
    until: Millis,
}

impl Reach {
    /// A bundle that reaches so far back adds something.
    pub(super) fn extend(&mut self, span: Millis, now: Millis) {
        if span >= self.span || now >= self.until {
            *self = Self { span, until: now.saturating_add(span) };
        }
    }

    /// The time up to which nothing counts any more.
    pub(super) fn begins(self, now: Millis) -> Option<Millis> {
        now.checked_sub(self.span)
    }

    /// When something of this time does not count any more.
    pub(super) fn ends(self, at: Millis) -> Millis {
        at.saturating_add(self.span)
    }
}
