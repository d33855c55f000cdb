//! Shows the progress of a corpus on a terminal.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of steps between updates.
const STEP: usize = 50;

/// A line on the terminal that is erased at the end.
pub(crate) struct Progress<'n> {
    name: &'n str,
    all: usize,
    done: AtomicUsize,
    is_watched: bool,
}

impl<'n> Progress<'n> {
    /// Starts at zero of `all`.
    pub(crate) fn new(name: &'n str, all: usize) -> Self {
        Self { name, all, done: AtomicUsize::new(0), is_watched: stderr().is_terminal() }
    }

    /// Counts one more.
    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.is_watched && done.is_multiple_of(STEP) {
            let _ = write!(stderr(), "\r\x1b[K{}: {done} of {}", self.name, self.all);
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.is_watched {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
