//! Reported calls, grouped by policy, tool and principal.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::diff::widening::Widening;
use crate::cli::log::Recorded;
use crate::reason::Decision;

/// Kinds of results, the most urgent first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum What {
    /// Refused, and would be permitted.
    Permitted,
    /// The decision cannot be determined.
    Undecided,
    /// Permitted, and would be refused.
    Refused,
    /// Refused, and would be refused with another decision.
    RefusedOtherwise,
    /// The old bundle's decision differs from the recorded one.
    Disagrees,
}

impl What {
    /// Its name in JSON.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Undecided => "undecided",
            Self::Refused => "refused",
            Self::RefusedOtherwise => "refused_otherwise",
            Self::Disagrees => "disagrees_with_record",
        }
    }
}

/// A result for one call. Calls with equal results form a group.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Case {
    pub(super) what: What,
    /// The source of the decision, if it is not the new bundle.
    pub(super) by: Option<String>,
    /// The reason as text for people.
    pub(super) why: String,
    /// The policies that caused it.
    pub(super) policies: Vec<String>,
    pub(super) decisions: Option<(Decision, Decision)>,
    /// Whether a refused call may now be permitted.
    pub(super) may_widen: bool,
}

impl Case {
    pub(super) fn new(what: What, why: impl Into<String>) -> Self {
        Self {
            what,
            by: None,
            why: why.into(),
            policies: Vec::new(),
            decisions: None,
            may_widen: matches!(what, What::Permitted | What::Undecided),
        }
    }
}

/// What the calls of a group have in common.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Group {
    pub(super) case: Case,
    pub(super) tool: String,
    pub(super) principal: String,
}

/// The calls of a group.
#[derive(Debug)]
pub(super) struct Calls {
    /// Record ids, or locations of records that do not parse.
    pub(super) ids: Vec<String>,
    /// The log with the first of them.
    pub(super) log: Option<String>,
}

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<Group, Calls>);

impl Groups {
    /// Adds the results for a recorded call.
    pub(super) fn add(&mut self, cases: Vec<Case>, recorded: &Recorded, log: &Path) {
        for case in cases {
            let group = Group {
                case,
                tool: recorded.tool.clone().unwrap_or_default(),
                principal: recorded.who(),
            };
            let log = || Some(log.display().to_string());
            let calls =
                self.0.entry(group).or_insert_with(|| Calls { ids: Vec::new(), log: log() });
            calls.ids.push(recorded.id.clone());
        }
    }

    /// Adds a record that does not parse.
    pub(super) fn add_unreadable(&mut self, case: Case, place: String) {
        let group = Group { case, tool: String::new(), principal: String::new() };
        let calls = self.0.entry(group).or_insert_with(|| Calls { ids: Vec::new(), log: None });
        calls.ids.push(place);
    }

    /// The groups of one kind, the largest first.
    pub(super) fn of(&self, what: What) -> Vec<(&Group, &Calls)> {
        let mut groups: Vec<_> =
            self.0.iter().filter(|(group, _)| group.case.what == what).collect();
        groups.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.ids.len()));
        groups
    }

    /// The number of calls of one kind.
    pub(super) fn count(&self, what: What) -> usize {
        self.of(what).iter().map(|(_, calls)| calls.ids.len()).sum()
    }

    /// Whether a refused call is now permitted.
    pub(super) fn widening(&self) -> Widening {
        let widens = self.0.keys().filter(|group| group.case.may_widen);
        let widening = |group: &Group| match group.case.what {
            What::Permitted => Widening::Certain,
            What::Undecided | What::Refused | What::RefusedOtherwise | What::Disagrees => {
                Widening::Possible
            }
        };
        widens.map(widening).max().unwrap_or(Widening::None)
    }
}
