//! Calls to report, grouped by policy, tool and principal.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::diff::widening::Widening;
use crate::cli::log::Recorded;
use crate::reason::Decision;

/// What there is to tell, the most urgent first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum What {
    /// It was refused and would pass.
    Permitted,
    /// Nobody can tell what would come of it.
    Undecided,
    /// It passed and would be refused.
    Refused,
    /// It would be refused by another decision.
    RefusedOtherwise,
    /// The old bundle decides otherwise than is recorded.
    Disagrees,
}

impl What {
    /// Its name for programs.
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

/// Something to tell about one call. Calls of which the same is to be told are one group.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Case {
    pub(super) what: What,
    /// Whose answer it is, where that is not the new bundle.
    pub(super) by: Option<String>,
    /// Why, in words for people.
    pub(super) why: String,
    /// The policies behind it.
    pub(super) policies: Vec<String>,
    pub(super) decisions: Option<(Decision, Decision)>,
    /// Whether the call may pass though it was refused.
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

/// What calls have in common.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Group {
    pub(super) case: Case,
    pub(super) tool: String,
    pub(super) principal: String,
}

/// The calls of a group.
#[derive(Debug)]
pub(super) struct Calls {
    /// The ids of their records, or the places of records that do not read.
    pub(super) ids: Vec<String>,
    /// The log that the first of them stands in.
    pub(super) log: Option<String>,
}

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<Group, Calls>);

impl Groups {
    /// Adds what there is to tell about a recorded call.
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

    /// Adds a record that does not read.
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

    /// How many calls there are of one kind.
    pub(super) fn count(&self, what: What) -> usize {
        self.of(what).iter().map(|(_, calls)| calls.ids.len()).sum()
    }

    /// Whether something passes that did not.
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
