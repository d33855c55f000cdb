//! Recorded calls, put to both bundles.

mod answer;
mod callers;
mod candidate;
mod groups;
mod human;
mod json;
mod known;
mod lines;
mod replay;
mod stand_in;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Widening;
use super::structure::Structure;
use crate::cli::Stop;
use crate::cli::directory::Opened;
use crate::cli::report;

use groups::{Case, Groups, What};
use lines::Line;
use replay::{Replay, Seen};

pub(super) use human::tell as human;
pub(super) use json::tell as json;

/// Records between two words about the progress.
const STRIDE: usize = 500;

/// What a log says about two bundles, or about a candidate.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Records of decisions.
    records: usize,
    /// Other lines, such as those of an access log.
    others: usize,
    /// Calls that were compared.
    compared: usize,
    /// Requests that were refused before any policy was asked, which both bundles refuse alike.
    settled: usize,
    /// Records that a bundle with another digest than OLD wrote.
    foreign: usize,
    /// The environment of OLD, or nothing.
    environment: String,
    /// Other environments that such records name.
    elsewhere: BTreeSet<String>,
    /// Everything that is not the same, by what came of it.
    groups: Groups,
    /// How the answers differ is asked with this command.
    explain: String,
}

impl Account {
    /// Whether something passes that did not. A log of which nothing was compared excludes nothing.
    pub(super) fn widening(&self) -> Widening {
        let least = if self.compared == 0 { Widening::Possible } else { Widening::None };
        self.groups.widening().max(least)
    }

    /// Why the log says nothing about what may pass, where nothing of it was compared.
    fn silence(&self) -> Option<&'static str> {
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

/// Puts every call of the logs to both bundles.
pub(super) fn replay(
    logs: &[PathBuf],
    bundles: [Opened; 2],
    structure: &Structure,
    new: &Path,
) -> Result<Account, Stop> {
    let [old, _] = &bundles;
    let environment = old.document.environment_name();
    let mut replay = Replay::new(bundles, structure);
    let explain = format!("toolgate explain {}", new.display());
    let account = Account { environment, explain, ..Account::default() };
    read(logs, account, |account, recorded, place| {
        if !replay.is_of_old(recorded) {
            account.foreign = account.foreign.saturating_add(1);
            if recorded.environment != account.environment {
                account.elsewhere.insert(recorded.environment.clone());
            }
        }
        match replay.see(recorded) {
            Seen::Settled => account.settled = account.settled.saturating_add(1),
            Seen::Compared(cases) => {
                account.compared = account.compared.saturating_add(1);
                account.groups.add(cases, recorded, place);
            }
            Seen::Undecided(case) => account.groups.add(vec![case], recorded, place),
        }
    })
}

/// What a candidate and policies in shadow would have changed, as the gate recorded it.
pub(super) fn candidate(logs: &[PathBuf]) -> Result<Account, Stop> {
    let account = Account { explain: "toolgate explain DIR".to_owned(), ..Account::default() };
    read(logs, account, |account, recorded, place| {
        let cases = candidate::cases(recorded);
        if let Some(cases) = cases {
            account.compared = account.compared.saturating_add(1);
            account.groups.add(cases, recorded, place);
        }
    })
}

/// Reads the logs line by line, and accounts for every line.
fn read(
    logs: &[PathBuf],
    mut account: Account,
    mut record: impl FnMut(&mut Account, &crate::cli::recorded::Recorded, &Path),
) -> Result<Account, Stop> {
    let progress = report::Progress::new("records");
    for log in logs {
        for (number, line) in lines::lines(log)?.enumerate() {
            match line? {
                Line::Blank => {}
                Line::Other => account.others = account.others.saturating_add(1),
                Line::Record(recorded) => {
                    account.records = account.records.saturating_add(1);
                    record(&mut account, &recorded, log);
                }
                Line::Unreadable(why) => {
                    account.records = account.records.saturating_add(1);
                    let place = format!("{}:{}", log.display(), number.saturating_add(1));
                    account.groups.add_unreadable(Case::new(What::Undecided, why), place);
                }
            }
            if number % STRIDE == 0 {
                progress.tell(account.records);
            }
        }
    }
    progress.end();
    Ok(account)
}
