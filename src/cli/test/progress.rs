//! The progress of a long run, on a terminal.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use crate::cli::output::report;

/// How long a run may take before anything is shown, and how long until it is shown anew.
const PATIENCE: Duration = Duration::from_millis(500);

/// How far a run is.
#[derive(Debug)]
pub(super) struct Progress {
    all: usize,
    done: usize,
    /// When it is shown next; never where nobody looks.
    due: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// The beginning of a run.
    pub(super) fn of(all: usize) -> Self {
        let due = io::stderr().is_terminal().then(|| Instant::now().checked_add(PATIENCE));
        Self { all, done: 0, due: due.flatten(), shown: false }
    }

    /// One more is done.
    pub(super) fn advance(&mut self) {
        self.done = self.done.saturating_add(1);
        let now = Instant::now();
        if self.due.is_some_and(|due| due <= now) {
            report::draw(&format!("\r{} of {} cases", self.done, self.all));
            self.due = now.checked_add(PATIENCE);
            self.shown = true;
        }
    }

    /// Takes away what was shown.
    pub(super) fn clear(self) {
        if self.shown {
            report::draw("\r\u{1b}[2K");
        }
    }
}
