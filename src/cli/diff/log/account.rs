//! Counts over all records of a log.

use std::collections::BTreeSet;

use super::groups::{Groups, What};
use crate::cli::diff::widening::Widening;

/// What a log says about two bundles, or about a candidate.
#[derive(Debug, Default)]
pub(in crate::cli::diff) struct Account {
    /// Records of decisions.
    pub(super) records: usize,
    /// Other lines, such as those of an access log.
    pub(super) others: usize,
    /// Calls that were compared.
    pub(super) compared: usize,
    /// Requests that were refused before any policy was asked, which both bundles refuse alike.
    pub(super) settled: usize,
    /// Records that a bundle with another digest than OLD wrote.
    pub(super) foreign: usize,
    /// The environment of OLD, or nothing.
    pub(super) environment: String,
    /// Other environments that such records name.
    pub(super) elsewhere: BTreeSet<String>,
    /// Everything that is not the same, by what came of it.
    pub(super) groups: Groups,
    /// How the answers differ is asked with this command.
    pub(super) explain: String,
}

impl Account {
    /// Whether something passes that did not. A log of which nothing was compared excludes nothing.
    pub(in crate::cli::diff) fn widening(&self) -> Widening {
        let least = if self.compared == 0 { Widening::Possible } else { Widening::None };
        self.groups.widening().max(least)
    }

    /// Why the log says nothing about what may pass, where nothing of it was compared.
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
