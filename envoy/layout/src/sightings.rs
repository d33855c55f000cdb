//! What marked filters log.

use crate::Module;

/// The first character of every mark; the bits above it say what was seen.
pub(crate) const NOTHING: u8 = b'0';
/// The function was called, or the branch not taken.
pub(crate) const ON: u8 = 1;
/// The branch was taken.
pub(crate) const AWAY: u8 = 2;

/// What calls passed through, function by function.
pub struct Sightings {
    functions: Vec<Seen>,
    marks: usize,
    calls: u32,
}

/// What calls saw of a function.
pub(crate) struct Seen {
    /// How many calls passed through it.
    pub(crate) calls: u32,
    /// For each branch, how many calls did not take it and how many did; a call can do both.
    pub(crate) branches: Vec<[u32; 2]>,
}

/// How many marks a module has: one for each function, and then one for each branch.
pub(crate) fn marks(module: &Module<'_>) -> usize {
    module.functions.iter().map(|function| 1 + function.branches).sum()
}

impl Sightings {
    /// Nothing yet.
    #[must_use]
    pub fn new(module: &Module<'_>) -> Self {
        let unseen = |branches| Seen { calls: 0, branches: vec![[0; 2]; branches] };
        let functions = module.functions.iter().map(|each| unseen(each.branches)).collect();
        Self { functions, marks: marks(module), calls: 0 }
    }

    /// Reads a log of Envoy's. Whatever is no row of marks is none of ours.
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

    /// How many calls were seen.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// In the order of the module.
    pub(crate) fn functions(&self) -> &[Seen] {
        &self.functions
    }
}
