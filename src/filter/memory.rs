//! Stores what is remembered, in competition with other workers.

use super::clock::Clock;
use super::host;
use crate::exchange::Effects;
use crate::gate::Gate;
use crate::memory::{Lesson, Write};

/// Each attempt that fails means that another worker decided a call of the same account.
pub(super) const ATTEMPTS: usize = 1000;

/// Stores what is to be remembered, and keeps account of it; returns whether all of it is stored.
pub(super) fn remember(effects: &Effects, stored: &mut Vec<Write>) -> Result<bool, String> {
    for write in &effects.memory {
        if !host::remember(write)? {
            return Ok(false);
        }
        stored.retain(|earlier| earlier.slot != write.slot);
        stored.push(write.clone());
    }
    Ok(true)
}

/// Changes what is remembered before a part of a response passes, unless nobody has written there since
/// this was done last. `known` has the versions of then.
pub(super) fn arrive<'l>(
    gate: &Gate,
    lessons: impl Iterator<Item = &'l Lesson> + Clone,
    clock: &Clock,
    known: &mut Vec<Option<u32>>,
) -> Result<(), String> {
    let version = |lesson: &Lesson| Ok(host::recall_slot(lesson.slot())?.version);
    let versions = lessons.clone().map(version).collect::<Result<Vec<_>, String>>()?;
    if versions != *known {
        learn(gate, lessons, clock)?;
        *known = versions;
    }
    Ok(())
}

/// Changes what is remembered by what a response says.
pub(super) fn learn<'l>(
    gate: &Gate,
    mut lessons: impl Iterator<Item = &'l Lesson>,
    clock: &Clock,
) -> Result<(), String> {
    let Some(plan) = &gate.bundle.memory else { return Ok(()) };
    lessons.try_for_each(|lesson| {
        for _ in 0..ATTEMPTS {
            let stored = host::recall_slot(lesson.slot())?;
            let Some(write) = plan.learn(lesson, &stored, clock.millis()) else { return Ok(()) };
            if host::remember(&write)? {
                return Ok(());
            }
        }
        Err("memory is written all the time".to_owned())
    })
}
