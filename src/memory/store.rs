//! The memory of one process, for edges without a proxy.

use std::collections::BTreeMap;

use super::{Millis, Recalled, Slot, Stored, Write};

/// The values of slots, each with a version that every write changes.
#[derive(Clone, Debug, Default)]
pub struct Store(BTreeMap<Slot, Stored>);

impl Store {
    /// Reads slots. `stored` is what was stored before for the same request.
    pub fn recall(&self, slots: &[Slot], now: Millis, stored: Vec<Write>) -> Recalled {
        let read = |slot: &Slot| (*slot, self.0.get(slot).cloned().unwrap_or_default());
        Recalled { now, slots: slots.iter().map(read).collect(), stored }
    }

    /// Stores a value; returns whether nobody has stored one there since it was read.
    pub fn write(&mut self, write: &Write) -> bool {
        let known = self.0.entry(write.slot).or_default();
        if known.version != write.version {
            return false;
        }
        let version = known.version.unwrap_or_default().checked_add(1);
        *known = Stored { bytes: write.bytes.clone(), version };
        true
    }
}
