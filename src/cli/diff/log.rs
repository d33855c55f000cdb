//! Replays recorded calls with both bundles.

pub(super) mod account;
mod answer;
mod callers;
mod candidate;
mod groups;
mod human;
mod inferred;
mod json;
mod placeholders;
mod replay;

use std::path::{Path, PathBuf};

use super::structure::Structure;
use crate::cli::input::directory::Opened;
use crate::cli::log::Recorded;
use crate::cli::log::lines::{self, Line};
use crate::cli::output::exit::Stop;
use crate::cli::output::report;

use account::Account;
use groups::{Case, What};
use replay::{Replay, Seen};

pub(super) use human::tell as human;
pub(super) use json::tell as json;

/// Number of records between progress updates.
const STRIDE: usize = 500;

/// Decides every call of the logs with both bundles.
pub(super) fn replay(
    logs: &[PathBuf],
    bundles: [Opened; 2],
    structure: &Structure,
    new: &Path,
) -> Result<Account, Stop> {
    let [old, _] = &bundles;
    let environment = old.document.environment_name();
    let recalls = bundles.iter().any(|opened| opened.loaded.bundle.memory.is_some());
    let mut replay = Replay::new(bundles, structure);
    let explain = format!("toolgate explain {}", new.display());
    let account = Account { environment, recalls, explain, ..Account::default() };
    let mut account = read(logs, account, |account, recorded, place| {
        if recorded.bundle.is_none() {
            // Envoy refused it, and no bundle changes that.
            account.settled = account.settled.saturating_add(1);
            return;
        }
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
    })?;
    account.gaps = replay.gaps();
    Ok(account)
}

/// The changes that a candidate and shadow policies would have made, as recorded by the gate.
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

/// Reads the logs line by line and counts every line.
fn read(
    logs: &[PathBuf],
    mut account: Account,
    mut record: impl FnMut(&mut Account, &Recorded, &Path),
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
