//! Shows the progress of a long run on a terminal.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use crate::cli::output::report;

/// The delay before progress is first shown, and between updates.
const PATIENCE: Duration = Duration::from_millis(500);

/// The progress of a run.
#[derive(Debug)]
pub(super) struct Progress {
    all: usize,
    done: usize,
    /// The time of the next update; `None` if stderr is not a terminal.
    due: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// Starts at zero of `all`.
    pub(super) fn of(all: usize) -> Self {
        let due = io::stderr().is_terminal().then(|| Instant::now().checked_add(PATIENCE));
        Self { all, done: 0, due: due.flatten(), shown: false }
    }

    /// Counts one more.
    pub(super) fn advance(&mut self) {
        self.done = self.done.saturating_add(1);
        let now = Instant::now();
        if self.due.is_some_and(|due| due <= now) {
            report::draw(&format!("\r{} of {} cases", self.done, self.all));
            self.due = now.checked_add(PATIENCE);
            self.shown = true;
        }
    }

    /// Erases the progress.
    pub(super) fn clear(self) {
        if self.shown {
            report::draw("\r\u{1b}[2K");
        }
    }
}
