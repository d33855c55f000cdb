//! Parses the logs of marked filters.

use crate::Module;

/// The base character of every mark; the bits above it tell what was seen.
pub(crate) const NOTHING: u8 = b'0';
/// The function was called, or the branch not taken.
pub(crate) const ON: u8 = 1;
/// The branch was taken.
pub(crate) const AWAY: u8 = 2;

/// What calls executed, function by function.
pub struct Sightings {
    functions: Vec<Seen>,
    marks: usize,
    calls: u32,
}

/// What calls executed of a function.
pub(crate) struct Seen {
    /// The number of calls that executed it.
    pub(crate) calls: u32,
    /// For each branch, the number of calls that did not take it and that did; a call can count for
    /// both.
    pub(crate) branches: Vec<[u32; 2]>,
}

/// The number of marks of a module: one for each function, then one for each branch.
pub(crate) fn marks(module: &Module<'_>) -> usize {
    module.functions.iter().map(|function| 1 + function.branches).sum()
}

impl Sightings {
    /// No sightings.
    #[must_use]
    pub fn new(module: &Module<'_>) -> Self {
        let unseen = |branches| Seen { calls: 0, branches: vec![[0; 2]; branches] };
        let functions = module.functions.iter().map(|each| unseen(each.branches)).collect();
        Self { functions, marks: marks(module), calls: 0 }
    }

    /// Reads an Envoy log. Lines that are not a row of marks are ignored.
    pub fn read(&mut self, log: &[u8]) {
        let is_mark = |byte: &u8| (NOTHING..=NOTHING + (ON | AWAY)).contains(byte);
        for row in log.split(|byte| !is_mark(byte)).filter(|row| row.len() == self.marks) {
            self.calls += 1;
            let mut marks = row.iter().map(|mark| mark - NOTHING);
            for function in &mut self.functions {
                function.calls += u32::from(marks.next().unwrap_or_default() & ON);
                for ways in &mut function.branches {
                    let mark = marks.next().unwrap_or_default();
                    ways[0] += u32::from(mark & ON);
                    ways[1] += u32::from(mark & AWAY) / u32::from(AWAY);
                }
            }
        }
    }

    /// The number of calls seen.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// In the order of the module.
    pub(crate) fn functions(&self) -> &[Seen] {
        &self.functions
    }
}
