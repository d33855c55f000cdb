//! Totals over all records of a log.

use std::collections::BTreeSet;

use super::groups::{Groups, What};
use crate::cli::diff::widening::Widening;

/// The comparison of two bundles, or of a candidate, over a log.
#[derive(Debug, Default)]
pub(in crate::cli::diff) struct Account {
    /// Decision records.
    pub(super) records: usize,
    /// Other lines, such as those of an access log.
    pub(super) others: usize,
    /// Compared calls.
    pub(super) compared: usize,
    /// Requests refused before policy evaluation, which both bundles refuse with the same reason.
    pub(super) settled: usize,
    /// Records written by a bundle with another digest than OLD.
    pub(super) foreign: usize,
    /// The environment of OLD, or an empty string.
    pub(super) environment: String,
    /// Other environments named by such records.
    pub(super) elsewhere: BTreeSet<String>,
    /// What the records do not tell of earlier calls.
    pub(super) gaps: BTreeSet<String>,
    /// All differences, grouped by kind.
    pub(super) groups: Groups,
    /// Whether a bundle remembers something of earlier calls.
    pub(super) recalls: bool,
    /// The command that explains a difference.
    pub(super) explain: String,
}

impl Account {
    /// Whether a refused call is now permitted. A log without a compared call excludes nothing.
    pub(in crate::cli::diff) fn widening(&self) -> Widening {
        let least = if self.compared == 0 { Widening::Possible } else { Widening::None };
        self.groups.widening().max(least)
    }

    /// Why the log gives no evidence of widening, if none of its calls was compared.
    pub(super) fn silence(&self) -> Option<&'static str> {
        if self.compared > 0 {
            return None;
        }
        Some(if self.records == 0 {
            "there is no record of a decision"
        } else if self.groups.count(What::Undecided) > 0 {
            "no record can be decided again"
        } else if self.settled > 0 {
            "no record is of a call that policies were asked about"
        } else {
            "no record tells of a candidate or of policies in shadow"
        })
    }
}
