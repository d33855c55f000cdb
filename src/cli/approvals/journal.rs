//! The state file: one line of JSON for each change, with the tokens themselves.
//!
//! What is read back is verified again, so that nobody who can write the file can ask or approve by
//! it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::asked::known;
use super::ledger::{Entry, Ledger};
use super::signed::Signed;
use crate::approval::{APPROVAL, Approval};
use crate::cli::files::{self, FileError};
use crate::jose;
use crate::key::PublicKey;

/// After how many lines the file is written anew.
const LONGEST: usize = 20_000;

/// A change.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "event")]
pub(super) enum Line {
    Asked { id: String, at: i64, request: String },
    Decided { id: String, approval: String },
    HandedOut { id: String },
}

/// An open state file.
#[derive(Debug)]
pub(super) struct Journal {
    file: files::Journal,
    lines: usize,
}

impl Journal {
    /// Reads a state file, if there is one, and opens it. The number is that of lines that say nothing
    /// any more.
    pub(super) fn open(
        path: &Path,
        gates: &[PublicKey],
        own: &PublicKey,
    ) -> Result<(Self, Ledger, usize), FileError> {
        let text = match files::read(path) {
            Err(error) if error.is_missing() => String::new(),
            read => read?,
        };
        let (ledger, unread) = replay(&text, gates, own);
        Ok((Self::create(path, &ledger)?, ledger, unread))
    }

    fn create(path: &Path, ledger: &Ledger) -> Result<Self, FileError> {
        let lines: Vec<String> = ledger.all().flat_map(lines).map(|line| written(&line)).collect();
        let text = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        Ok(Self { file: files::Journal::create(path, &text)?, lines: lines.len() })
    }

    /// Adds a line before the change is made in memory.
    pub(super) fn add(
        &mut self,
        path: &Path,
        line: &Line,
        ledger: &Ledger,
    ) -> Result<(), FileError> {
        if self.lines >= LONGEST {
            *self = Self::create(path, ledger)?;
        }
        self.lines = self.lines.saturating_add(1);
        self.file.add(&written(line))
    }
}

fn written(line: &Line) -> String {
    // Serializing texts and numbers cannot fail.
    serde_json::to_string(line).unwrap_or_default()
}

/// The lines that make an entry.
fn lines(entry: &Entry) -> Vec<Line> {
    let id = || entry.id.clone();
    let request = entry.request.token.clone();
    let mut lines = vec![Line::Asked { id: id(), at: entry.asked_at, request }];
    if let Some(approval) = &entry.decided {
        lines.push(Line::Decided { id: id(), approval: approval.token.clone() });
    }
    if entry.handed_out {
        lines.push(Line::HandedOut { id: id() });
    }
    lines
}

/// What the lines of a state file make, and how many of them were left out.
fn replay(text: &str, gates: &[PublicKey], own: &PublicKey) -> (Ledger, usize) {
    let mut ledger = Ledger::default();
    let read = text.lines().map(|line| take(&mut ledger, line, gates, own));
    let unread = read.filter(Option::is_none).count();
    (ledger, unread)
}

fn take(ledger: &mut Ledger, line: &str, gates: &[PublicKey], own: &PublicKey) -> Option<()> {
    match serde_json::from_str(line).ok()? {
        Line::Asked { id, at, request } => ledger.ask(&id, at, known(request, gates).ok()?),
        Line::Decided { id, approval } => {
            let claims: Approval = jose::verify(APPROVAL, &approval, [own]).ok()?;
            ledger.get(&id).filter(|entry| entry.request.token == claims.request)?;
            ledger.decide(&id, Signed { token: approval, claims });
        }
        Line::HandedOut { id } => ledger.handed_out(&id),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::decision::{Ruled, decide};
    use super::super::example::{NAME, NOW, key, request, signed};
    use super::*;
    use crate::approval::Ruling;

    fn told(ledger: &Ledger) -> Vec<(&str, Option<Ruling>, bool)> {
        let told =
            |entry: &'_ Entry| entry.decided.as_ref().map(|approval| approval.claims.decision);
        ledger.all().map(|entry| (&*entry.id, told(entry), entry.handed_out)).collect()
    }

    #[test]
    fn what_was_written_is_read_back_and_verified() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let (gates, own) = ([key(1).public().clone()], key(3));
        let open = || Journal::open(&path, &gates, own.public()).unwrap();
        let (mut journal, mut ledger, _) = open();
        let ruled =
            Ruled { ruling: Ruling::Denied, approver: [].into_iter().collect(), reason: None };
        for number in [1, 2, 3] {
            let request = signed(request("alice", number));
            let id = number.to_string();
            let line = Line::Asked { id: id.clone(), at: NOW, request: request.token.clone() };
            journal.add(&path, &line, &ledger).unwrap();
            ledger.ask(&id, NOW, request.clone());
            let signer = if number == 3 { key(4) } else { key(3) };
            let approval =
                decide(&request, ruled.clone(), &id, (NAME, &signer), (NOW, 300)).unwrap();
            let approval = approval.token;
            journal.add(&path, &Line::Decided { id, approval }, &ledger).unwrap();
        }
        journal.add(&path, &Line::HandedOut { id: "2".to_owned() }, &ledger).unwrap();
        // The last line was broken off.
        journal.file.add("{\"event\":\"asked\",").unwrap();
        let expected = [
            ("1", Some(Ruling::Denied), false),
            ("2", Some(Ruling::Denied), true),
            // Somebody else has signed it.
            ("3", None, false),
        ];
        let (_, ledger, unread) = open();
        assert_eq!((told(&ledger), unread), (expected.to_vec(), 2));
        let (_, ledger, unread) = open();
        assert_eq!((told(&ledger), unread), (expected.to_vec(), 0));
        // A gate that is not trusted any more has asked nothing.
        let (_, ledger, unread) = Journal::open(&path, &[], own.public()).unwrap();
        assert_eq!((told(&ledger), unread), (Vec::new(), 5));
    }
}
